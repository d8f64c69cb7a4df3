#include "tests/tidy/functions.h"

#include <algorithm>
#include <cctype>
#include <regex>
#include <sstream>

namespace tests {

namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Without preprocessor lines and those that continue them: the braces of a macro need not match.
std::string without_directives(const std::string& code) {
  std::istringstream lines(code);
  std::string kept;
  bool directive = false;
  for (std::string line; std::getline(lines, line); kept += '\n') {
    directive = directive || line.starts_with('#');
    if (!directive) kept += line;
    directive = directive && line.ends_with('\\');
  }
  return kept;
}

// Follows the braces of one file.
class Braces {
 public:
  explicit Braces(std::string_view code) : code_(code) {}

  std::vector<Function> run() {
    for (at_ = 0; at_ < code_.size(); ++at_) {
      const char c = code_[at_];
      line_ += c == '\n';
      if (c == '(') ++parentheses_;
      if (c == ')') --parentheses_;
      if (c == '{') open();
      if (c == '}') close();
      if (c == ';' && in_scope()) head_.clear();
      if (in_scope() && c != ';' && c != '{' && c != '}') add_to_head(c);
    }
    return std::move(found_);
  }

 private:
  enum class Kind { kScope, kFunction, kOther };

  // Where declarations stand, and no statements.
  bool in_scope() const { return open_.empty() || open_.back() == Kind::kScope; }

  void add_to_head(char c) {
    if (head_.empty() && is_space(c)) return;
    if (head_.empty()) head_line_ = line_;
    head_ += c;
    if (head_ == "public:" || head_ == "private:" || head_ == "protected:") head_.clear();
  }

  void open() {
    const bool adjacent = at_ > 0 && (is_word(code_[at_ - 1]) || code_[at_ - 1] == '>');
    Kind kind = Kind::kOther;
    if (in_scope() && parentheses_ == 0 && !adjacent) kind = kind_of_head();
    if (kind == Kind::kFunction) found_.push_back({.head = head_, .line = head_line_});
    open_.push_back(kind);
    if (kind == Kind::kScope) head_.clear();
  }

  void close() {
    if (open_.empty()) return;
    const Kind kind = open_.back();
    open_.pop_back();
    if (kind == Kind::kFunction) found_.back().lines = line_ - found_.back().line + 1;
    if (kind != Kind::kOther) head_.clear();
  }

  Kind kind_of_head() const {
    static const std::regex kScope(
        R"(^(template\s*<[^{]*>\s*)?(inline\s+)?(namespace|class|struct|union|extern)\b)");
    static const std::regex kParameters(R"(\)\s*(const)?\s*$)");
    static const std::regex kOperator(R"(operator\s*[^\s\w(]+)");
    if (std::regex_search(head_, kScope) && !std::regex_search(head_, kParameters)) {
      return Kind::kScope;
    }
    const std::string head = std::regex_replace(head_, kOperator, "operator");
    const auto parenthesis = head.find('(');
    const bool is_value = parenthesis == head.npos || head.find('=') < parenthesis;
    return is_value ? Kind::kOther : Kind::kFunction;
  }

  const std::string_view code_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  int parentheses_ = 0;
  std::vector<Kind> open_;
  std::string head_;
  std::size_t head_line_ = 1;
  std::vector<Function> found_;
};

}  // namespace

std::vector<Function> functions_of(const SourceFile& file) {
  const std::string code = without_directives(code_only(file.text));
  return Braces(code).run();
}

std::string class_of(const Function& function) {
  static const std::regex kMember(
      R"((?:^|[\s*&>])([A-Z]\w*)(?:<[^()]*>)?(?:::\w+)*::(?:~?\w+|operator.*)\s*$)");
  const std::string before = function.head.substr(0, function.head.find('('));
  std::smatch match;
  return std::regex_search(before, match, kMember) ? match[1].str() : "";
}

}  // namespace tests
