#include "server/auth/token_lexer.h"

#include <algorithm>

#include "runtime/check.h"

namespace server::auth {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

}  // namespace

std::optional<TokenLexer::Word> TokenLexer::next() {
  while (!rest_.empty() && (is_blank(rest_.front()) || rest_.front() == ',')) {
    rest_.remove_prefix(1);
  }
  Word word{.token = {}, .comma_follows = false};
  bool is_there = false;
  while (!rest_.empty() && !is_blank(rest_.front()) && rest_.front() != ',') {
    const char c = rest_.front();
    if (c == '#') {
      rest_ = {};
      break;
    }
    is_there = true;
    if (c == '"') {
      word.token.quoted = word.token.quoted || word.token.text.empty();
      take_quoted(word.token.text);
    } else {
      word.token.text += c;
      rest_.remove_prefix(1);
    }
  }
  word.comma_follows = rest_.starts_with(',');
  if (!is_there) {
    DCHECK(at_end());
    return std::nullopt;
  }
  return word;
}

// From a quote to behind the one that closes it.
void TokenLexer::take_quoted(std::string& text) {
  DCHECK(rest_.starts_with('"'));
  rest_.remove_prefix(1);
  while (!rest_.empty()) {
    const bool is_quote = rest_.front() == '"';
    if (is_quote) rest_.remove_prefix(1);
    if (is_quote && !rest_.starts_with('"')) return;
    if (rest_.empty()) return;
    text += rest_.front();
    rest_.remove_prefix(1);
  }
}

std::optional<LineSplitter::Line> LineSplitter::next() {
  if (rest_.empty()) return std::nullopt;
  Line line{.text = {}, .number = number_};
  std::size_t joined = 0;  // what is before it has been joined: a backslash there is a plain one
  while (!rest_.empty()) {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    line.text += rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++number_;
    // To PostgreSQL a line is a string of C.
    if (const auto nul = line.text.find('\0'); nul != std::string::npos) line.text.resize(nul);
    while (line.text.ends_with('\r')) line.text.pop_back();
    if (line.text.size() <= joined || line.text.back() != '\\') break;
    line.text.pop_back();
    joined = line.text.size();
  }
  return line;
}

}  // namespace server::auth
