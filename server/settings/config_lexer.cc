#include "server/settings/config_lexer.h"

#include <algorithm>

#include "runtime/check.h"

namespace server::settings {

namespace {

using Kind = ConfigToken::Kind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_unit_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_letter(char c) {
  return is_unit_letter(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_letter_or_digit(char c) { return is_letter(c) || is_digit(c); }
bool is_of_unquoted_string(char c) {
  return is_letter_or_digit(c) || std::string_view("-._:/").find(c) != std::string_view::npos;
}

// How many characters from `at` on are such.
template <typename Predicate>
std::size_t run(std::string_view text, std::size_t at, Predicate is_such) {
  const std::string_view rest = text.substr(std::min(at, text.size()));
  const auto* const end = std::find_if_not(rest.begin(), rest.end(), is_such);
  return static_cast<std::size_t>(end - rest.begin());
}

std::size_t sign_size(std::string_view text, std::size_t at) {
  return at < text.size() && (text[at] == '-' || text[at] == '+') ? 1 : 0;
}

// The sizes of the tokens of these kinds that `text` begins with; 0: it begins with none.

std::size_t integer_size(std::string_view text) {
  const std::size_t begin = sign_size(text, 0);
  const std::size_t digits = run(text, begin, is_digit);
  if (digits == 0) return 0;
  const std::size_t end = begin + digits;
  const std::size_t decimal = end + run(text, end, is_unit_letter);
  const std::size_t hex = text.substr(begin, 2) == "0x" ? run(text, begin + 2, is_hex_digit) : 0;
  if (hex == 0) return decimal;
  const std::size_t hex_end = begin + 2 + hex;
  return std::max(decimal, hex_end + run(text, hex_end, is_unit_letter));
}

std::size_t real_size(std::string_view text) {
  std::size_t at = sign_size(text, 0);
  at += run(text, at, is_digit);
  if (text.substr(at, 1) != ".") return 0;
  ++at;
  at += run(text, at, is_digit);
  if (at >= text.size() || (text[at] != 'e' && text[at] != 'E')) return at;
  const std::size_t exponent = at + 1 + sign_size(text, at + 1);
  const std::size_t digits = run(text, exponent, is_digit);
  return digits == 0 ? at : exponent + digits;
}

std::size_t string_size(std::string_view text) {
  for (std::size_t at = 1; at < text.size() && text[at] != '\n'; ++at) {
    if (text[at] == '\\') {
      if (text.substr(at + 1, 1) == "\n") return 0;
      ++at;
    } else if (text[at] == '\'') {
      if (text.substr(at + 1, 1) != "'") return at + 1;
      ++at;
    }
  }
  return 0;
}

// Of what begins with a letter. The longest possible token is an unquoted string; it is an
// identifier if it has nothing else, or one dot between two.
Kind kind_of_word(std::string_view word) {
  const std::size_t first = run(word, 0, is_letter_or_digit);
  if (first == word.size()) return Kind::kIdentifier;
  const std::string_view second = word.substr(first + 1);
  const bool qualified = word[first] == '.' && !second.empty() && is_letter(second.front()) &&
                         run(second, 0, is_letter_or_digit) == second.size();
  return qualified ? Kind::kQualifiedIdentifier : Kind::kUnquotedString;
}

}  // namespace

void ConfigLexer::skip_blanks_and_comments() {
  rest_.remove_prefix(run(rest_, 0, [](char c) { return c == ' ' || c == '\t' || c == '\r'; }));
  if (rest_.starts_with('#')) rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
}

ConfigToken ConfigLexer::take(Kind kind, std::size_t size) {
  const ConfigToken token{.kind = kind, .text = rest_.substr(0, size), .line = line_};
  rest_.remove_prefix(size);
  return token;
}

ConfigToken ConfigLexer::next() {
  skip_blanks_and_comments();
  if (rest_.empty()) return take(Kind::kEnd, 0);
  const char first = rest_.front();
  if (first == '\n') {
    const ConfigToken token = take(Kind::kEndOfLine, 1);
    ++line_;
    return token;
  }
  if (first == '=') return take(Kind::kEquals, 1);
  if (is_letter(first)) {
    const std::size_t size = run(rest_, 0, is_of_unquoted_string);
    return take(kind_of_word(rest_.substr(0, size)), size);
  }
  if (const std::size_t size = first == '\'' ? string_size(rest_) : 0; size > 0) {
    return take(Kind::kString, size);
  }
  const std::size_t integer = integer_size(rest_);
  const std::size_t real = real_size(rest_);
  if (integer == 0 && real == 0) return take(Kind::kError, 1);
  return integer >= real ? take(Kind::kInteger, integer) : take(Kind::kReal, real);
}

namespace {

// Takes up to three octal digits off the front.
char take_octal(std::string_view& text) {
  unsigned value = 0;
  for (int i = 0; i < 3 && !text.empty() && text.front() >= '0' && text.front() <= '7'; ++i) {
    value = value * 8 + static_cast<unsigned>(text.front() - '0');
    text.remove_prefix(1);
  }
  return static_cast<char>(value);
}

// `text` is what stands behind the backslash.
char take_escape(std::string_view& text) {
  if (text.front() >= '0' && text.front() <= '7') return take_octal(text);
  const char c = text.front();
  text.remove_prefix(1);
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

}  // namespace

std::string unquoted(std::string_view text) {
  CHECK(text.size() >= 2);
  CHECK(text.starts_with('\'') && text.ends_with('\''));
  std::string value;
  for (std::string_view rest = text.substr(1, text.size() - 2); !rest.empty();) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '\\' && !rest.empty()) {
      value += take_escape(rest);
      continue;
    }
    value += c;
    if (c == '\'') rest.remove_prefix(1);  // the second of two
  }
  return value;
}

}  // namespace server::settings
