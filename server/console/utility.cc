#include "server/console/utility.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/console/token_stream.h"

namespace server::console {

namespace {

struct OwnShow {
  std::string_view name;
  std::string_view query;
};
constexpr OwnShow kOwnShows[]{
    {"standbys", "SELECT * FROM walcast_standbys"}, {"slots", "SELECT * FROM pg_replication_slots"},
    {"upstream", "SELECT * FROM walcast_upstream"}, {"spool", "SELECT * FROM walcast_spool"},
    {"holds", "SELECT * FROM walcast_holds"},       {"latency", "SELECT * FROM walcast_latency"},
    {"threads", "SELECT * FROM walcast_threads"},   {"limits", "SELECT * FROM walcast_limits"},
    {"help", "SELECT * FROM walcast_help"},
};

// What would write, and how PostgreSQL calls it (utility.c, CreateCommandTag).
constexpr std::string_view kWriters[]{
    "alter", "analyze", "cluster", "comment", "create", "delete",   "drop",     "grant",  "insert",
    "lock",  "merge",   "refresh", "reindex", "revoke", "security", "truncate", "update", "vacuum"};

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c;
  return text;
}

Statement plain(Statement::Kind kind, std::string_view tag) {
  Statement statement;
  statement.kind = kind;
  statement.tag = tag;
  return statement;
}

void skip_rest(TokenStream& tokens) {
  while (tokens.peek().kind != TokenKind::kEnd) tokens.take();
}

// One word, or several by blanks or commas, as they were written.
runtime::Result<std::string> setting_value(TokenStream& tokens) {
  std::string value;
  do {
    if (tokens.peek().kind == TokenKind::kEnd) return tokens.unexpected();
    if (!value.empty()) value += ", ";
    const bool minus = tokens.accept("-");
    value += (minus ? "-" : "") + tokens.take().text;
  } while (tokens.accept(","));
  if (tokens.peek().kind != TokenKind::kEnd) return tokens.unexpected();
  return value;
}

runtime::Result<std::string> setting_name(TokenStream& tokens) {
  std::string name = TRY(tokens.label());
  while (tokens.accept(".")) name += "." + TRY(tokens.label());
  return name;
}

runtime::Result<Statement> set(TokenStream& tokens) {
  tokens.accept("local");
  if (tokens.next_is("session") && !tokens.next_is("authorization", 1)) tokens.take();
  Statement statement = plain(Statement::Kind::kSet, "SET");
  if (tokens.next_is("transaction") || tokens.next_is("characteristics")) {
    skip_rest(tokens);
    statement.kind = Statement::Kind::kNothing;
    return statement;
  }
  if (tokens.accept({"time", "zone"})) {
    statement.name = "TimeZone";
  } else {
    statement.name = TRY(setting_name(tokens));
    if (!tokens.accept("to")) TRY(tokens.expect("="));
  }
  if (tokens.accept("default")) {
    statement.kind = Statement::Kind::kReset;
    return statement;
  }
  statement.value = TRY(setting_value(tokens));
  return statement;
}

runtime::Result<Statement> show(TokenStream& tokens) {
  Statement statement = plain(Statement::Kind::kShow, "SHOW");
  if (tokens.accept("all")) {
    statement.kind = Statement::Kind::kShowAll;
    for (const std::string_view column : {"name", "setting", "description"}) {
      statement.add_column(std::string(column), Type::kText);
    }
  } else {
    statement.name = tokens.accept({"time", "zone"}) ? "TimeZone" : TRY(setting_name(tokens));
    if (tokens.accept({"isolation", "level"})) statement.name = "transaction_isolation";
    statement.add_column(statement.name, Type::kText);
  }
  if (tokens.peek().kind != TokenKind::kEnd) return tokens.unexpected();
  return statement;
}

runtime::Result<Statement> reset(TokenStream& tokens) {
  Statement statement = plain(Statement::Kind::kReset, "RESET");
  if (!tokens.accept("all")) statement.name = TRY(setting_name(tokens));
  if (tokens.peek().kind != TokenKind::kEnd) return tokens.unexpected();
  return statement;
}

std::optional<Statement> transaction(TokenStream& tokens) {
  using Kind = Statement::Kind;
  const std::string word = tokens.peek().text;
  if (word == "begin") return plain(Kind::kBegin, "BEGIN");
  if (word == "start" && tokens.next_is("transaction", 1)) {
    return plain(Kind::kBegin, "START TRANSACTION");
  }
  if (word == "commit" || word == "end") return plain(Kind::kCommit, "COMMIT");
  if (word == "rollback" && !tokens.next_is("to", 1)) return plain(Kind::kRollback, "ROLLBACK");
  if (word == "abort") return plain(Kind::kRollback, "ROLLBACK");
  return std::nullopt;
}

// Statements that clients send to tidy up after themselves, and have nothing to tidy here.
std::optional<Statement> tidying(TokenStream& tokens) {
  constexpr OwnShow kTidying[]{{"discard", "DISCARD"},       {"unlisten", "UNLISTEN"},
                               {"close", "CLOSE CURSOR"},    {"savepoint", "SAVEPOINT"},
                               {"release", "RELEASE"},       {"rollback", "ROLLBACK"},
                               {"deallocate", "DEALLOCATE"}, {"checkpoint", "CHECKPOINT"}};
  for (const auto& [word, tag] : kTidying) {
    if (!tokens.next_is(word)) continue;
    const bool all =
        tokens.next_is("all", 1) && (word == "discard" || word == "close" || word == "deallocate");
    return plain(Statement::Kind::kNothing, all ? std::string(tag) + " ALL" : std::string(tag));
  }
  return std::nullopt;
}

}  // namespace

std::string_view query_of_show(std::string_view what) {
  for (const OwnShow& own : kOwnShows) {
    if (own.name == what) return own.query;
  }
  return {};
}

runtime::Result<std::optional<Statement>> parse_utility(std::string_view text,
                                                        std::span<const Token> tokens) {
  TokenStream stream(text, tokens);
  if (stream.peek().kind == TokenKind::kEnd) return std::optional(Statement());
  if (stream.peek().kind != TokenKind::kWord) return std::optional<Statement>();
  const std::string word = stream.peek().text;
  if (auto of = transaction(stream)) return of;
  if (auto of = tidying(stream)) return of;
  if (std::find(std::begin(kWriters), std::end(kWriters), word) != std::end(kWriters)) {
    const bool named = word == "create" || word == "drop" || word == "alter";
    std::string tag = upper(word);
    if (named && stream.peek(1).is_name()) tag += " " + upper(stream.peek(1).text);
    return runtime::Error{
        .kind = &kReadOnly,
        .what = runtime::format("cannot execute {} in a read-only transaction", tag)};
  }
  for (const std::string_view unknown : {"copy", "explain", "prepare", "execute", "declare",
                                         "fetch", "listen", "notify", "do", "call", "load"}) {
    if (word == unknown) return stream.not_supported(upper(word) + " is", stream.begin());
  }
  stream.take();
  if (word == "set") return std::optional(TRY(set(stream)));
  if (word == "show") return std::optional(TRY(show(stream)));
  if (word == "reset") return std::optional(TRY(reset(stream)));
  if (word == "reload") {
    if (stream.peek().kind != TokenKind::kEnd) return stream.unexpected();
    return std::optional(plain(Statement::Kind::kReload, "RELOAD"));
  }
  return std::optional<Statement>();
}

}  // namespace server::console
