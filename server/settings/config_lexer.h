#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace server::settings {

// A word of a configuration file.
struct ConfigToken {
  enum class Kind {
    kIdentifier,
    kQualifiedIdentifier,  // "a.b"
    kString,               // in single quotes
    kUnquotedString,
    kInteger,  // with a unit or without
    kReal,
    kEquals,
    kEndOfLine,
    kEnd,
    kError,
  };
  Kind kind = Kind::kEnd;
  std::string_view text;  // as it stands in the file
  std::size_t line = 0;   // on which it begins
};

// Takes the text of a configuration file apart (guc-file.l). Of the tokens that could begin at one
// place it takes the longest; comments and blanks between tokens are left out.
//   Owner: the function that reads a file.  Thread: its.
//   Borrows: the text.
class ConfigLexer {
 public:
  explicit ConfigLexer(std::string_view text) : rest_(text) {}

  ConfigToken next();

 private:
  ConfigToken take(ConfigToken::Kind kind, std::size_t size);
  void skip_blanks_and_comments();

  std::string_view rest_;
  std::size_t line_ = 1;
};

// What a string in single quotes stands for: two quotes are one, and a backslash begins an escape
// as in C (guc-file.l, DeescapeQuotedString).
std::string unquoted(std::string_view text);

}  // namespace server::settings
