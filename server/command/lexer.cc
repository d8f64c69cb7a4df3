#include "server/command/lexer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::command {

namespace {

constexpr std::array<std::string_view, 19> kKeywords{"BASE_BACKUP",
                                                     "CREATE_REPLICATION_SLOT",
                                                     "DROP_REPLICATION_SLOT",
                                                     "EXPORT_SNAPSHOT",
                                                     "IDENTIFY_SYSTEM",
                                                     "LOGICAL",
                                                     "NOEXPORT_SNAPSHOT",
                                                     "PHYSICAL",
                                                     "READ_REPLICATION_SLOT",
                                                     "RESERVE_WAL",
                                                     "SHOW",
                                                     "SLOT",
                                                     "START_REPLICATION",
                                                     "TEMPORARY",
                                                     "TIMELINE",
                                                     "TIMELINE_HISTORY",
                                                     "TWO_PHASE",
                                                     "USE_SNAPSHOT",
                                                     "WAIT"};

// A vertical tab is none.
bool is_space(char c) { return std::string_view(" \t\n\r\f").find(c) != std::string_view::npos; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool starts_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}
bool continues_word(char c) { return starts_word(c) || is_digit(c) || c == '$'; }

template <typename Predicate>
std::size_t span_of(std::string_view text, Predicate matches) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), matches) -
                                  text.begin());
}

// strtoul's number, which is 2^64 - 1 if there are too many digits, as it is stored: in 32 bits.
std::uint32_t low_bits(std::string_view digits, int base) {
  std::uint64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  return read.ec == std::errc::result_out_of_range ? ~std::uint32_t{0}
                                                   : static_cast<std::uint32_t>(value);
}

}  // namespace

runtime::Error syntax_error() { return {.kind = &wire::kSyntaxError, .what = "syntax error"}; }

runtime::Result<Token> Lexer::next() {
  rest_.remove_prefix(span_of(rest_, is_space));
  if (rest_.empty()) return Token{};
  const char first = rest_.front();
  if (starts_word(first)) {
    // "FF/0" is a position although it begins like a word; so is "beef/1".
    const std::size_t digits = span_of(rest_, is_hex);
    const bool position = digits < rest_.size() && rest_[digits] == '/' && digits > 0 &&
                          digits + 1 < rest_.size() && is_hex(rest_[digits + 1]);
    return position ? number_or_position() : word();
  }
  if (is_digit(first)) return number_or_position();
  if (first == '"') return quoted('"', TokenKind::kIdentifier);
  if (first == '\'') return quoted('\'', TokenKind::kString);
  rest_.remove_prefix(1);
  return Token{.kind = TokenKind::kSymbol, .text = std::string(1, first)};
}

Token Lexer::word() {
  const std::size_t size = span_of(rest_, continues_word);
  std::string text(rest_.substr(0, size));
  rest_.remove_prefix(size);
  if (std::binary_search(kKeywords.begin(), kKeywords.end(), std::string_view(text))) {
    return {.kind = TokenKind::kKeyword, .text = std::move(text)};
  }
  std::transform(text.begin(), text.end(), text.begin(), wire::lower);
  return identifier(std::move(text));
}

Token Lexer::identifier(std::string text) {
  settings::truncate_identifier(text, notices_);
  return {.kind = TokenKind::kIdentifier, .text = std::move(text)};
}

runtime::Result<Token> Lexer::quoted(char quote, TokenKind kind) {
  std::string text;
  for (std::size_t i = 1; i < rest_.size(); ++i) {
    if (rest_[i] != quote) {
      text += rest_[i];
    } else if (i + 1 < rest_.size() && rest_[i + 1] == quote) {
      text += rest_[i++];
    } else {
      rest_.remove_prefix(i + 1);
      if (kind == TokenKind::kIdentifier) return identifier(std::move(text));
      return Token{.kind = kind, .text = std::move(text)};
    }
  }
  return runtime::Error{.kind = &wire::kSyntaxError, .what = "unterminated quoted string"};
}

Token Lexer::number_or_position() {
  const std::size_t high = span_of(rest_, is_hex);
  if (high < rest_.size() && rest_[high] == '/') {
    const std::size_t low = span_of(rest_.substr(high + 1), is_hex);
    if (low > 0) {
      const wal::Lsn lsn((std::uint64_t{low_bits(rest_.substr(0, high), 16)} << 32) |
                         low_bits(rest_.substr(high + 1, low), 16));
      rest_.remove_prefix(high + 1 + low);
      return {.kind = TokenKind::kPosition, .lsn = lsn};
    }
  }
  const std::size_t digits = span_of(rest_, is_digit);
  const std::uint32_t number = low_bits(rest_.substr(0, digits), 10);
  rest_.remove_prefix(digits);
  return {.kind = TokenKind::kNumber, .number = number};
}

}  // namespace server::command
