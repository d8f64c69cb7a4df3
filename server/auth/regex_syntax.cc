#include "server/auth/regex_syntax.h"

#include <cstddef>

namespace server::auth {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Walks over an expression from left to right.
class Walk {
 public:
  explicit Walk(std::string_view pattern) : rest_(pattern) {}

  RegexFault run() {
    while (!rest_.empty()) {
      const RegexFault fault = step();
      if (fault != RegexFault::kNone) return fault;
    }
    return RegexFault::kNone;
  }

 private:
  RegexFault step();
  RegexFault escape();
  RegexFault bracket();
  RegexFault bounds();
  RegexFault quantified();
  void skip(std::size_t count) { rest_.remove_prefix(count < rest_.size() ? count : rest_.size()); }
  void skip_digits() {
    while (!rest_.empty() && is_digit(rest_.front())) skip(1);
  }
  RegexFault pass(bool is_atom) {
    skip(1);
    after_atom_ = is_atom;
    return RegexFault::kNone;
  }

  std::string_view rest_;
  bool after_atom_ = false;  // a quantifier may stand here
};

RegexFault Walk::step() {
  switch (rest_.front()) {
    case '\\':
      after_atom_ = true;
      return escape();
    case '[':
      after_atom_ = true;
      return bracket();
    case '(':
      if (rest_.starts_with("(?")) return RegexFault::kForeign;
      return pass(false);
    case '|':
    case '^':
    case '$':
      return pass(false);
    case '*':
    case '+':
    case '?':
      skip(1);
      return quantified();
    case '{':
      return rest_.size() > 1 && is_digit(rest_[1]) ? bounds() : pass(true);
    default:
      return pass(true);
  }
}

// PostgreSQL takes more digits for a code than RE2 does, or takes them for a back reference.
RegexFault Walk::escape() {
  const bool has_code = rest_.size() > 1 && (is_digit(rest_[1]) || rest_[1] == 'x');
  skip(2);
  return has_code ? RegexFault::kForeign : RegexFault::kNone;
}

// A bracket expression; if it has no end, RE2 says so.
RegexFault Walk::bracket() {
  skip(1);
  if (rest_.starts_with('^')) skip(1);
  if (rest_.starts_with(']')) skip(1);
  while (!rest_.empty() && rest_.front() != ']') {
    if (rest_.starts_with("[.") || rest_.starts_with("[=")) return RegexFault::kForeign;
    if (rest_.starts_with("[:<:]") || rest_.starts_with("[:>:]")) return RegexFault::kForeign;
    if (rest_.starts_with("[:")) {
      const std::size_t end = rest_.find(":]");
      skip(end == std::string_view::npos ? 2 : end + 2);
    } else if (rest_.front() == '\\') {
      if (const RegexFault fault = escape(); fault != RegexFault::kNone) return fault;
    } else {
      skip(1);
    }
  }
  skip(1);
  return RegexFault::kNone;
}

RegexFault Walk::bounds() {
  skip(1);
  skip_digits();
  if (rest_.starts_with(',')) {
    skip(1);
    skip_digits();
  }
  if (!rest_.starts_with('}')) return RegexFault::kCounts;
  skip(1);
  return quantified();
}

// Behind a quantifier.
RegexFault Walk::quantified() {
  if (!after_atom_) return RegexFault::kQuantifier;
  if (rest_.starts_with('?')) return RegexFault::kForeign;  // the quantifier is non-greedy
  after_atom_ = false;
  return RegexFault::kNone;
}

}  // namespace

RegexFault find_regex_fault(std::string_view pattern) { return Walk(pattern).run(); }

}  // namespace server::auth
