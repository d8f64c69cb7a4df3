#include "server/source/ack_policy.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <utility>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "server/wire/text.h"

namespace server::source {

using runtime::format;
using runtime::Result;
using wire::equal_ignoring_case;

namespace {

constexpr std::string_view kAnyName = "*";
constexpr std::string_view kBlanks = " \t\n\r\f\v";
constexpr std::string_view kDigits = "0123456789";

bool begins_identifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool continues_identifier(char c) {
  return begins_identifier(c) || (c >= '0' && c <= '9') || c == '$';
}

bool is_digits(std::string_view text) { return text.find_first_not_of(kDigits) == text.npos; }

struct Token {
  enum class Kind { kAny, kFirst, kName, kNumber, kSymbol, kEnd, kJunk };
  Kind kind = Kind::kEnd;
  std::string value;      // of a name, without its quotes
  std::string_view text;  // as it stands there
  bool quoted = false;
};

// Takes a policy apart as syncrep_scanner.l does. A name keeps its case; only "any" and "first"
// without quotes are words of the grammar.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) { advance(); }

  const Token& token() const { return token_; }
  bool at(char symbol) const {
    return token_.kind == Token::Kind::kSymbol && token_.text.front() == symbol;
  }
  void advance() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
    token_ = {};
    if (rest_.empty()) return;
    if (rest_.front() == '"') return take_quoted();
    std::size_t size = 1;
    if (begins_identifier(rest_.front())) {
      while (size < rest_.size() && continues_identifier(rest_[size])) ++size;
      token_.kind = word(rest_.substr(0, size));
    } else if (is_digits(rest_.substr(0, 1))) {
      size = std::min(rest_.find_first_not_of(kDigits), rest_.size());
      token_.kind = Token::Kind::kNumber;
    } else if (rest_.front() == '*') {
      token_.kind = Token::Kind::kName;
    } else {
      const bool symbol = std::string_view("(),").find(rest_.front()) != std::string_view::npos;
      token_.kind = symbol ? Token::Kind::kSymbol : Token::Kind::kJunk;
    }
    token_.value = rest_.substr(0, size);
    take(size);
  }

 private:
  static Token::Kind word(std::string_view text) {
    if (equal_ignoring_case(text, "any")) return Token::Kind::kAny;
    if (equal_ignoring_case(text, "first")) return Token::Kind::kFirst;
    return Token::Kind::kName;
  }

  void take(std::size_t size) {
    token_.text = rest_.substr(0, size);
    rest_.remove_prefix(size);
  }

  // Two quotes within the quotes stand for one.
  void take_quoted() {
    token_.quoted = true;
    for (std::size_t at = 1;; at += 2, token_.value += '"') {
      const auto end = rest_.find('"', at);
      if (end == std::string_view::npos) {
        token_.kind = Token::Kind::kJunk;
        return take(rest_.size());
      }
      token_.value += rest_.substr(at, end - at);
      at = end;
      if (rest_.substr(at + 1, 1) == "\"") continue;
      token_.kind = Token::Kind::kName;
      return take(at + 1);
    }
  }

  std::string_view rest_;
  Token token_;
};

runtime::Fail fail(std::string what) {
  return runtime::Fail({.kind = &runtime::kInvalidParameterValue, .what = std::move(what)});
}

runtime::Fail syntax_error(const Token& token) {
  if (token.kind == Token::Kind::kEnd) return fail("syntax error at end of input");
  if (token.quoted && token.kind == Token::Kind::kJunk) {
    return fail(format("unterminated quoted identifier at or near \"{}\"", token.text));
  }
  return fail(format("syntax error at or near \"{}\"", token.text));
}

// A number may be a name too.
Result<std::vector<std::string>> names(Scanner& scanner) {
  std::vector<std::string> list;
  for (;;) {
    const Token& token = scanner.token();
    if (token.kind != Token::Kind::kName && token.kind != Token::Kind::kNumber) {
      return syntax_error(token);
    }
    list.push_back(token.value);
    scanner.advance();
    if (!scanner.at(',')) return list;
    scanner.advance();
  }
}

Result<std::vector<std::string>> names_in_parentheses(Scanner& scanner) {
  if (!scanner.at('(')) return syntax_error(scanner.token());
  scanner.advance();
  auto list = TRY(names(scanner));
  if (!scanner.at(')')) return syntax_error(scanner.token());
  scanner.advance();
  return list;
}

Result<std::size_t> count(Scanner& scanner) {
  const Token token = scanner.token();
  if (token.kind != Token::Kind::kNumber) return syntax_error(token);
  std::size_t number =
      std::numeric_limits<std::size_t>::max();  // stays where there are too many digits
  std::from_chars(token.text.data(), token.text.data() + token.text.size(), number);
  if (number == 0) {
    return fail(format("number of standbys ({}) must be greater than zero", token.text));
  }
  scanner.advance();
  return number;
}

// "N (names)", behind ANY, FIRST or nothing.
Result<AckPolicy> counted(AckPolicy::Kind kind, Scanner& scanner) {
  const std::size_t number = TRY(count(scanner));
  return AckPolicy{.kind = kind, .count = number, .names = TRY(names_in_parentheses(scanner))};
}

bool begins_with(const Scanner& scanner, std::string_view word) {
  const Token& token = scanner.token();
  return token.kind == Token::Kind::kName && !token.quoted && equal_ignoring_case(token.text, word);
}

// The forms of which one begins with a name, or a number that is one, are told by what follows.
Result<AckPolicy> policy_of(Scanner& scanner) {
  const Scanner begin = scanner;
  const Token::Kind first = scanner.token().kind;
  const bool all = begins_with(scanner, "all");
  const bool spool = begins_with(scanner, "spool");
  if (first != Token::Kind::kEnd) scanner.advance();
  if (first == Token::Kind::kAny) return counted(AckPolicy::Kind::kAny, scanner);
  if (first == Token::Kind::kFirst) return counted(AckPolicy::Kind::kFirst, scanner);
  if (spool && scanner.token().kind == Token::Kind::kEnd) return AckPolicy{};
  const bool list = scanner.at('(');
  if (all && list) {
    return AckPolicy{.kind = AckPolicy::Kind::kAll, .names = TRY(names_in_parentheses(scanner))};
  }
  scanner = begin;
  if (first == Token::Kind::kNumber && list) return counted(AckPolicy::Kind::kFirst, scanner);
  return AckPolicy{.kind = AckPolicy::Kind::kFirst, .count = 1, .names = TRY(names(scanner))};
}

struct LessIgnoringCase {
  bool operator()(std::string_view a, std::string_view b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
      return wire::lower(x) < wire::lower(y);
    });
  }
};

// Standbys of one name count for one here: how many will come is not known, and a policy with more
// names asked for than written is most likely a slip, which would make commits wait for ever.
Result<void> check_count(const AckPolicy& policy) {
  const std::set<std::string_view, LessIgnoringCase> different(policy.names.begin(),
                                                               policy.names.end());
  if (different.contains(kAnyName) || policy.count <= different.size()) return {};
  return fail(format("{} standbys are asked for, but only {} {} given", policy.count,
                     different.size(), different.size() == 1 ? "name is" : "names are"));
}

bool needs_quotes(std::string_view name) {
  if (name == kAnyName) return false;
  if (!name.empty() && is_digits(name)) return false;
  return name.empty() || !begins_identifier(name.front()) ||
         !std::all_of(name.begin(), name.end(), continues_identifier) ||
         equal_ignoring_case(name, "any") || equal_ignoring_case(name, "first");
}

std::string quoted(std::string_view name) {
  if (!needs_quotes(name)) return std::string(name);
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
}

std::string show_kind(const AckPolicy& policy) {
  switch (policy.kind) {
    case AckPolicy::Kind::kAny:
      return format("any {} ", policy.count);
    case AckPolicy::Kind::kFirst:
      return format("first {} ", policy.count);
    default:
      return "all ";
  }
}

}  // namespace

bool names_standby(std::string_view name, std::string_view application_name) {
  return name == kAnyName || equal_ignoring_case(name, application_name);
}

bool AckPolicy::counts(std::string_view application_name) const {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return names_standby(name, application_name);
  });
}

std::int32_t AckPolicy::priority(std::string_view application_name) const {
  std::int32_t number = 1;
  for (const std::string& name : names) {
    if (names_standby(name, application_name)) return kind == Kind::kFirst ? number : 1;
    ++number;
  }
  return 0;
}

Result<AckPolicy> parse_ack_policy(std::string_view text) {
  Scanner scanner(text);
  AckPolicy policy = TRY(policy_of(scanner));
  if (scanner.token().kind != Token::Kind::kEnd) return syntax_error(scanner.token());
  TRY(check_count(policy));
  return policy;
}

std::string_view ack_policy_forms() {
  return "Valid forms are spool, ANY n (name, ...), FIRST n (name, ...), n (name, ...), name, ..., "
         "and all (name, ...); names with other characters than letters, digits, _ and $ take "
         "double quotes.";
}

std::string show_ack_policy(const AckPolicy& policy) {
  if (policy.kind == AckPolicy::Kind::kSpool) return "spool";
  std::string text = show_kind(policy) + "(";
  for (const std::string& name : policy.names) {
    if (text.back() != '(') text += ", ";
    text += quoted(name);
  }
  return text + ")";
}

}  // namespace server::source
