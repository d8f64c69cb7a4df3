#include "server/console/engine.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/console/binary.h"
#include "server/console/catalog.h"
#include "server/console/database.h"
#include "server/console/errors.h"
#include "server/console/execution.h"
#include "server/console/function_table.h"
#include "server/console/lexer.h"
#include "server/console/parser.h"
#include "server/console/query_analysis.h"
#include "server/console/relations.h"
#include "server/console/server_text.h"
#include "server/console/statement.h"
#include "server/console/utility.h"

namespace server::console {

runtime::Result<std::vector<StatementText>> split_statements(std::string_view query) {
  const std::vector<Token> tokens = TRY(tokenize(query));
  std::vector<StatementText> statements;
  const Token* first = nullptr;
  std::size_t end = 0;
  for (const Token& token : tokens) {
    const bool ends = token.is(";") || token.kind == TokenKind::kEnd;
    if (!ends) {
      if (first == nullptr) first = &token;
      end = token.end;
    } else if (first != nullptr) {
      statements.push_back(
          {.text = query.substr(first->begin, end - first->begin), .offset = first->begin});
      first = nullptr;
    }
  }
  return statements;
}

void fail_transaction(SessionState& session) {
  if (session.transaction == TransactionStatus::kInBlock) {
    session.transaction = TransactionStatus::kFailed;
  }
}

namespace {

runtime::Result<void> check_transaction(const SessionState& session, const Prepared& prepared) {
  if (session.transaction != TransactionStatus::kFailed || prepared.empty() ||
      prepared.ends_transaction()) {
    return {};
  }
  return runtime::Error{.kind = &kFailedTransaction,
                        .what =
                            "current transaction is aborted, commands ignored until end of "
                            "transaction block"};
}

// The types that Parse names; 0 leaves one open, and what the console does not know is text.
std::vector<Type> named_types(std::span<const std::uint32_t> oids) {
  std::vector<Type> types;
  for (const std::uint32_t oid : oids) {
    types.push_back(oid == 0 ? Type::kUnknown : find_type(oid).value_or(Type::kText));
  }
  return types;
}

}  // namespace

class Engine::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        database_(
            {options_.verbs, *options_.clock, options_.heap_bytes_max, options_.value_bytes_max},
            catalog_, functions_) {}

  runtime::Result<std::unique_ptr<Statement>> read(std::string_view text,
                                                   std::span<const std::uint32_t> types) {
    if (text.size() > options_.statement_bytes_max) {
      return runtime::Error{.kind = &kStatementTooComplex, .what = "the statement is too long"};
    }
    std::vector<Token> tokens = TRY(tokenize(text));
    // One semicolon at the end is none of the statement.
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      if (!tokens[i].is(";")) continue;
      if (i + 2 < tokens.size()) {
        return runtime::Error{.kind = &wire::kSyntaxError,
                              .what = "cannot insert multiple commands into a prepared statement"};
      }
      tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(i));
    }
    auto utility = TRY(parse_utility(text, tokens));
    auto statement = std::make_unique<Statement>();
    if (utility) *statement = std::move(*utility);
    const std::string_view own = statement->kind == Statement::Kind::kShow
                                     ? query_of_show(statement->name)
                                     : std::string_view{};
    if (!own.empty()) {
      const std::vector<Token> own_tokens = TRY(tokenize(own));
      *statement = {};
      TRY(analyze(own, own_tokens, {}, *statement));
      statement->tag = "SHOW";
    } else if (!utility) {
      TRY(analyze(text, tokens, named_types(types), *statement));
      statement->tag = "SELECT";
    }
    return statement;
  }

  runtime::Result<void> analyze(std::string_view text, std::span<const Token> tokens,
                                std::vector<Type> types, Statement& statement) {
    const QueryRef query = TRY(parse_query(text, tokens));
    statement.kind = Statement::Kind::kQuery;
    statement.version = shown_version(*options_.snapshot());
    Coercion coercion(text, std::move(types));
    AnalyzedQuery analyzed =
        TRY(analyze_query(coercion, catalog_, functions_, statement.version, *query));
    statement.sql = std::move(analyzed.sql);
    for (AnalyzedColumn& column : analyzed.columns) {
      statement.add_column(std::move(column.name), column.type);
    }
    for (const Type type : coercion.parameters()) {
      statement.parameters.push_back(type == Type::kUnknown ? Type::kText : type);
      statement.parameter_types.push_back(info(statement.parameters.back()).oid);
    }
    database_.provide(statement.version);
    return check(statement);
  }

  // SQLite's own word on the statement comes at once, and not when it is bound.
  runtime::Result<void> check(const Statement& statement) {
    Run run;
    sqlite3_stmt* compiled = nullptr;
    const int code =
        sqlite3_prepare_v3(database_.handle(), statement.sql.c_str(), -1, 0, &compiled, nullptr);
    sqlite3_finalize(compiled);
    if (code == SQLITE_OK) return {};
    return database_.error(code, run);
  }

  const Options& options() const { return options_; }
  Database& database() { return database_; }

 private:
  Options options_;
  const Catalog catalog_ = make_catalog();
  FunctionTable functions_;
  Database database_;
};

Engine::Engine(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Engine::~Engine() = default;

runtime::Result<std::shared_ptr<const Prepared>> Engine::prepare(
    SessionState& session, std::string_view text, std::span<const std::uint32_t> types) {
  std::unique_ptr<Statement> statement = TRY(impl_->read(text, types));
  auto prepared = std::make_shared<const Prepared>(std::move(statement));
  TRY(check_transaction(session, *prepared));
  return prepared;
}

runtime::Result<std::unique_ptr<Portal>> Engine::bind(SessionState& session,
                                                      std::shared_ptr<const Prepared> prepared,
                                                      std::span<const Parameter> parameters,
                                                      std::span<const Format> formats) {
  TRY(check_transaction(session, *prepared));
  const Statement& statement = prepared->statement();
  if (parameters.size() != statement.parameters.size()) {
    return runtime::Error{
        .kind = &wire::kProtocolViolation,
        .what = runtime::format("bind message supplies {} parameters, but prepared statement "
                                "\"\" requires {}",
                                parameters.size(), statement.parameters.size())};
  }
  std::vector<Value> values;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    const Type type = statement.parameters[i];
    if (!parameter.value) {
      values.emplace_back();
    } else if (parameter.format == Format::kText) {
      values.push_back(TRY(read_text(type, *parameter.value)));
    } else {
      values.push_back(TRY(read_binary(type, *parameter.value)));
    }
  }
  const std::size_t columns = statement.columns.size();
  if (formats.size() > 1 && formats.size() != columns) {
    return runtime::Error{
        .kind = &wire::kProtocolViolation,
        .what = runtime::format("bind message has {} result formats but query has {} columns",
                                formats.size(), columns)};
  }
  std::vector<Format> of_columns(columns, formats.size() == 1 ? formats[0] : Format::kText);
  if (formats.size() > 1) of_columns.assign(formats.begin(), formats.end());
  for (std::size_t i = 0; i < columns; ++i) {
    if (of_columns[i] == Format::kText || has_binary(statement.column_types[i])) continue;
    return runtime::Error{.kind = &kUndefinedFunction,
                          .what = runtime::format("no binary output function available for type {}",
                                                  info(statement.column_types[i]).name)};
  }
  return std::make_unique<Portal>(
      std::make_unique<Execution>(Execution::Setting{impl_->database(), impl_->options(), session},
                                  std::move(prepared), std::move(values), std::move(of_columns)));
}

}  // namespace server::console
