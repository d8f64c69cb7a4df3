#include "server/console/lexer.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/settings/identifier.h"
#include "server/wire/text.h"

namespace server::console {

namespace {

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_word(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0;
}
bool continues_word(char c) { return begins_word(c) || is_digit(c) || c == '$'; }
bool is_operator(char c) {
  return std::string_view("~!@#^&|`?+-*/%<>=").find(c) != std::string_view::npos;
}

// UTF-8 of a code point that \u names; empty if there is none such.
std::string utf8(unsigned long code) {
  std::string bytes;
  const auto put = [&bytes](unsigned long byte) { bytes += static_cast<char>(byte); };
  if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return bytes;
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
  return bytes;
}

// Cuts a text into tokens, from front to back.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  runtime::Result<Token> next() {
    if (auto blanks = skip_blanks(); !blanks) return std::move(blanks).error();
    begin_ = at_;
    if (at_ == text_.size()) return token(TokenKind::kEnd, "");
    const char c = peek();
    if (c == '\'') return string(false);
    if (c == '"') return name();
    if (c == '$') return dollar();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if ((c == 'e' || c == 'E') && peek(1) == '\'') {
      ++at_;
      return string(true);
    }
    if (begins_word(c)) return word();
    if (c == ':' && peek(1) == ':') return symbol(2);
    if (std::string_view("()[],;.:").find(c) != std::string_view::npos) return symbol(1);
    if (is_operator(c)) return operation();
    return bad("syntax error", std::string_view(&c, 1));
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  Token token(TokenKind kind, std::string text) const {
    return {.kind = kind, .text = std::move(text), .begin = begin_, .end = at_};
  }
  runtime::Error bad(std::string_view what, std::string_view near) const {
    return at(
        {.kind = &wire::kSyntaxError, .what = runtime::format("{} at or near \"{}\"", what, near)},
        text_, begin_);
  }

  runtime::Result<void> skip_blanks() {
    while (at_ < text_.size()) {
      if (is_blank(peek())) {
        ++at_;
      } else if (peek() == '-' && peek(1) == '-') {
        at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
      } else if (peek() == '/' && peek(1) == '*') {
        if (auto done = skip_comment(); !done) return done;
      } else {
        break;
      }
    }
    return {};
  }
  // Comments nest.
  runtime::Result<void> skip_comment() {
    begin_ = at_;
    int depth = 0;
    do {
      if (at_ >= text_.size()) return bad("unterminated /* comment", text_.substr(begin_));
      if (peek() == '/' && peek(1) == '*') {
        ++depth;
        at_ += 2;
      } else if (peek() == '*' && peek(1) == '/') {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (depth > 0);
    return {};
  }

  runtime::Result<Token> string(bool escapes) {
    std::string value;
    ++at_;
    while (true) {
      if (at_ >= text_.size()) return bad("unterminated quoted string", text_.substr(begin_));
      const char c = text_[at_++];
      if (c == '\'') {
        if (peek() != '\'') break;
        ++at_;
        value += '\'';
      } else if (c == '\\' && escapes) {
        if (!escape(value)) return bad("invalid escape", text_.substr(begin_, at_ - begin_));
      } else {
        value += c;
      }
    }
    return token(TokenKind::kString, std::move(value));
  }
  // Of E'...', behind the backslash.
  bool escape(std::string& value) {
    if (at_ >= text_.size()) return true;  // the string does not end
    const char c = text_[at_++];
    constexpr std::string_view kNamed = "bfnrt";
    constexpr std::string_view kMeant = "\b\f\n\r\t";
    if (const auto named = kNamed.find(c); named != std::string_view::npos) {
      value += kMeant[named];
    } else if (c == 'x' && std::isxdigit(static_cast<unsigned char>(peek())) != 0) {
      return put_byte(number_of(16, 2), value);
    } else if (c >= '0' && c <= '7') {
      --at_;
      return put_byte(number_of(8, 3), value);
    } else if (c == 'u' || c == 'U') {
      const std::size_t digits = c == 'u' ? 4 : 8;
      const std::size_t begin = at_;
      const std::string bytes = utf8(number_of(16, digits));
      value += bytes;
      return !bytes.empty() && at_ - begin == digits;
    } else {
      value += c;
    }
    return true;
  }
  static bool put_byte(unsigned long byte, std::string& value) {
    value += static_cast<char>(byte);
    return byte != 0 && byte < 256;
  }
  unsigned long number_of(int base, std::size_t digits_max) {
    std::size_t size = 0;
    const auto fits = [base](char c) {
      return base == 16 ? std::isxdigit(static_cast<unsigned char>(c)) != 0 : c >= '0' && c <= '7';
    };
    while (size < digits_max && fits(peek(size))) ++size;
    const std::string digits(text_.substr(at_, size));
    at_ += size;
    return digits.empty() ? 0 : std::stoul(digits, nullptr, base);
  }

  runtime::Result<Token> name() {
    std::string value;
    ++at_;
    while (true) {
      if (at_ >= text_.size()) return bad("unterminated quoted identifier", text_.substr(begin_));
      const char c = text_[at_++];
      if (c == '"') {
        if (peek() != '"') break;
        ++at_;
      }
      value += c;
    }
    if (value.empty()) return bad("zero-length delimited identifier", "\"\"");
    if (value.size() > settings::kIdentifierBytesMax) value.resize(settings::kIdentifierBytesMax);
    return token(TokenKind::kName, std::move(value));
  }

  // $1, or $tag$...$tag$.
  runtime::Result<Token> dollar() {
    if (is_digit(peek(1))) {
      ++at_;
      const std::size_t begin = at_;
      while (is_digit(peek())) ++at_;
      return token(TokenKind::kParameter, std::string(text_.substr(begin, at_ - begin)));
    }
    std::size_t tag = 1;
    while (continues_word(peek(tag)) && peek(tag) != '$') ++tag;
    if (peek(tag) != '$') return bad("syntax error", "$");
    const std::string_view quote = text_.substr(at_, tag + 1);
    const std::size_t begin = at_ + quote.size();
    const std::size_t end = text_.find(quote, begin);
    if (end == std::string_view::npos) {
      return bad("unterminated dollar-quoted string", text_.substr(begin_));
    }
    at_ = end + quote.size();
    return token(TokenKind::kString, std::string(text_.substr(begin, end - begin)));
  }

  runtime::Result<Token> number() {
    bool whole = true;
    while (is_digit(peek())) ++at_;
    if (peek() == '.' && peek(1) != '.') {
      whole = false;
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    if (peek() == 'e' || peek() == 'E') {
      const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
      if (is_digit(peek(sign))) {
        whole = false;
        at_ += sign;
        while (is_digit(peek())) ++at_;
      }
    }
    if (begins_word(peek())) {
      while (continues_word(peek())) ++at_;
      return bad("trailing junk after numeric literal", text_.substr(begin_, at_ - begin_));
    }
    return token(whole ? TokenKind::kInteger : TokenKind::kDecimal,
                 std::string(text_.substr(begin_, at_ - begin_)));
  }

  Token word() {
    std::string value;
    while (continues_word(peek())) value += wire::lower(text_[at_++]);
    if (value.size() > settings::kIdentifierBytesMax) value.resize(settings::kIdentifierBytesMax);
    return token(TokenKind::kWord, std::move(value));
  }

  Token symbol(std::size_t size) {
    at_ += size;
    return token(TokenKind::kSymbol, std::string(text_.substr(begin_, size)));
  }

  // A comment ends it, and a sign at its end only stays with some characters before it.
  Token operation() {
    std::size_t size = 0;
    while (is_operator(peek(size))) {
      if (size > 0 && ((peek(size) == '-' && peek(size + 1) == '-') ||
                       (peek(size) == '/' && peek(size + 1) == '*'))) {
        break;
      }
      ++size;
    }
    const std::string_view run = text_.substr(at_, size);
    if (run.find_first_of("~!@#^&|`?%") == std::string_view::npos) {
      while (size > 1 && (peek(size - 1) == '+' || peek(size - 1) == '-')) --size;
    }
    at_ += size;
    std::string value(text_.substr(begin_, size));
    return token(TokenKind::kOperator, value == "!=" ? "<>" : std::move(value));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;  // of the token, or comment
};

}  // namespace

runtime::Result<std::vector<Token>> tokenize(std::string_view text) {
  Scanner scanner(text);
  std::vector<Token> tokens;
  do {
    tokens.push_back(TRY(scanner.next()));
  } while (tokens.back().kind != TokenKind::kEnd);
  return tokens;
}

// In UTF-8 every byte but those of the form 10xxxxxx begins a character.
runtime::Error at(runtime::Error error, std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  error.position = 1 + static_cast<int>(std::count_if(before.begin(), before.end(),
                                                      [](char c) { return (c & 0xC0) != 0x80; }));
  return error;
}

runtime::Error syntax_error(std::string_view text, const Token& token) {
  const std::string_view near = text.substr(token.begin, token.end - token.begin);
  return at({.kind = &wire::kSyntaxError,
             .what = token.kind == TokenKind::kEnd
                         ? std::string("syntax error at end of input")
                         : runtime::format("syntax error at or near \"{}\"", near)},
            text, token.begin);
}

}  // namespace server::console
