#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace server::auth {

// A word of an hba or ident file, without its quotes.
struct Token {
  std::string text;
  // Whether a quote stood before the first character: such a word is no keyword, no group and no
  // name of a file to take in, but it may be a regular expression.
  bool quoted = false;

  bool is_keyword(std::string_view word) const { return !quoted && text == word; }
};

// Takes a line apart into words, which end at blanks, commas and comments (hba.c, next_token).
// Double quotes take in what would end a word; two of them inside such are one. A quote that is
// never closed reaches to the end of the line.
//   Owner: the function that reads a file.  Thread: its.  Borrows: the line.
class TokenLexer {
 public:
  explicit TokenLexer(std::string_view line) : rest_(line) {}

  bool at_end() const { return rest_.empty(); }

  struct Word {
    Token token;
    bool comma_follows;  // at once: the next word is of the same field
  };
  // None where only blanks, commas and a comment are left; at_end() then.
  std::optional<Word> next();

 private:
  void take_quoted(std::string& text);

  std::string_view rest_;
};

// Takes the text of a file apart into lines; one that ends in a backslash goes on in the next
// (hba.c, tokenize_auth_file).
//   Owner: the function that reads a file.  Thread: its.  Borrows: the text.
class LineSplitter {
 public:
  explicit LineSplitter(std::string_view text) : rest_(text) {}

  struct Line {
    std::string text;    // without the backslashes and what ended the lines
    std::size_t number;  // of its first line, from 1
  };
  std::optional<Line> next();

 private:
  std::string_view rest_;
  std::size_t number_ = 1;  // of the line that comes next
};

}  // namespace server::auth
