// Replication commands.
//   input: the text of a Query, up to its first zero

#include <string>
#include <variant>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/command/lexer.h"
#include "server/command/parser.h"
#include "server/wire/errors.h"
#include "tests/fuzz/input.h"

namespace {

using server::command::Lexer;
using server::command::Show;
using server::command::StartReplication;
using server::command::TimelineHistoryOf;
using server::command::Token;
using server::command::TokenKind;

constexpr std::size_t kIdentifierBytesMax = 63;

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) text.append(c == '"' ? 2 : 1, c);
  return text + '"';
}

// The tokens as text that has the same tokens. Returns none where the text cannot be cut up.
std::optional<std::string> print_tokens(std::string_view text) {
  server::settings::Notices notices;  // of names that were cut
  Lexer lexer(text, notices);
  std::string printed;
  for (std::size_t count = 0;; ++count) {
    CHECK(count <= text.size());  // each takes at least a byte
    const auto token = lexer.next();
    if (!token) return std::nullopt;
    switch (token->kind) {
      case TokenKind::kEnd:
        CHECK(lexer.next()->kind == TokenKind::kEnd);
        return printed;
      case TokenKind::kIdentifier:
        CHECK(token->text.size() <= kIdentifierBytesMax);
        printed += quoted(token->text);
        break;
      case TokenKind::kString:
        printed += "'";
        for (const char c : token->text) printed += c == '\'' ? "''" : std::string(1, c);
        printed += "'";
        break;
      case TokenKind::kNumber:
        printed += runtime::format("{}", token->number);
        break;
      case TokenKind::kPosition:
        printed += runtime::format("{}", token->lsn);
        break;
      case TokenKind::kKeyword:
      case TokenKind::kSymbol:
        CHECK(!token->text.empty());
        printed += token->text;
        break;
    }
    printed += ' ';
  }
}

template <typename T>
T parse_as(const std::string& text) {
  server::settings::Notices notices;
  auto parsed = server::command::parse(text, notices);
  CHECK(parsed.has_value() && std::holds_alternative<T>(*parsed));
  return std::get<T>(*parsed);
}

// A command, written out again, has the tokens that it was made of, as print_tokens() prints them.
void check_command(const StartReplication& start, std::string_view tokens) {
  const auto text = [&start](std::string_view kind) {
    return runtime::format(
        "START_REPLICATION {}{}{} {}", start.slot ? "SLOT " + quoted(*start.slot) + " " : "", kind,
        start.start, start.timeline ? runtime::format("TIMELINE {} ", value(*start.timeline)) : "");
  };
  CHECK(tokens == text("") || tokens == text("PHYSICAL "));
  CHECK(!start.timeline || value(*start.timeline) != 0);
}
void check_command(const TimelineHistoryOf& history, std::string_view tokens) {
  CHECK(tokens == runtime::format("TIMELINE_HISTORY {} ", value(history.timeline)));
  CHECK(value(history.timeline) != 0);
}
void check_command(const Show& show, std::string_view) {
  if (show.name.size() > kIdentifierBytesMax) return;  // dots may have made it so long
  CHECK(parse_as<Show>("SHOW " + quoted(show.name)).name == show.name);
}
void check_command(const server::command::ReadSlot&, std::string_view) {}  // its name may have dots
template <typename Other>
void check_command(const Other& command, std::string_view) {
  if constexpr (requires { command.slot; }) CHECK(command.slot.size() <= kIdentifierBytesMax);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string query = tests::text_of(std::as_bytes(std::span(data, size)));
  const std::string text = query.substr(0, query.find('\0'));

  const auto printed = print_tokens(text);
  if (printed) CHECK(print_tokens(*printed) == printed);
  server::settings::Notices notices;
  const auto parsed = server::command::parse(text, notices);
  if (!parsed) {
    const auto* const kind = parsed.error().kind;
    CHECK(kind == &server::wire::kSyntaxError || kind == &server::wire::kFeatureNotSupported);
    return 0;
  }
  CHECK(printed.has_value());
  std::string_view tokens = *printed;
  if (tokens.ends_with(" ; ")) tokens.remove_suffix(2);
  std::visit([tokens](const auto& command) { check_command(command, tokens); }, *parsed);
  server::settings::Notices more;
  const auto again = server::command::parse(*printed, more);
  CHECK(again.has_value() && again->index() == parsed->index());
  CHECK(more.empty());  // its names are short now
  return 0;
}
