#pragma once

// The tokens of SQL (src/backend/parser/scan.l).

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace server::console {

enum class TokenKind : std::uint8_t {
  kWord,       // `text` in lower case: a keyword or a name
  kName,       // a quoted name: never a keyword
  kString,     // `text` without quotes and escapes
  kInteger,    // `text`: digits
  kDecimal,    // `text`: digits with a point or an exponent
  kParameter,  // `text`: the digits behind the $
  kOperator,   // `text`: a run of operator characters
  kSymbol,     // `text`: one of ( ) [ ] , ; . : and ::
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text = {};
  std::size_t begin = 0;  // in bytes from the text's begin
  std::size_t end = 0;

  // A word that is not quoted, an operator or a symbol.
  bool is(std::string_view what) const {
    return (kind == TokenKind::kWord || kind == TokenKind::kOperator ||
            kind == TokenKind::kSymbol) &&
           text == what;
  }
  bool is_name() const { return kind == TokenKind::kWord || kind == TokenKind::kName; }
};

// All tokens of a text, the last of which is kEnd. The errors are PostgreSQL's, with their
// positions.
runtime::Result<std::vector<Token>> tokenize(std::string_view text);

// The error with the position of the byte `offset` in `text` (parser_errposition).
runtime::Error at(runtime::Error error, std::string_view text, std::size_t offset);
// "syntax error at or near "x"", or "at end of input".
runtime::Error syntax_error(std::string_view text, const Token& token);

}  // namespace server::console
