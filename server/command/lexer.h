#pragma once

// The tokens of replication commands (src/backend/replication/repl_scanner.l).

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/result.h"
#include "server/settings/identifier.h"
#include "server/wal/lsn.h"

namespace server::command {

enum class TokenKind {
  kKeyword,     // `text`, in upper case, which is the only case that keywords have
  kIdentifier,  // `text`, folded to lower case unless it was quoted, as strings are
  kString,      // `text`, without its quotes; a doubled one inside stands for one
  kNumber,      // `number`
  kPosition,    // `lsn`
  kSymbol,      // `text`, one character
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text = {};
  std::uint32_t number = 0;
  wal::Lsn lsn = {};

  bool is(std::string_view keyword_or_symbol) const {
    return (kind == TokenKind::kKeyword || kind == TokenKind::kSymbol) && text == keyword_or_symbol;
  }
};

// Cuts a command into tokens, from front to back.
//   Owner: the parser.  Thread: any.  Borrows: the text, and the notices of identifiers that it
//   cuts.
class Lexer {
 public:
  Lexer(std::string_view text, settings::Notices& notices) : rest_(text), notices_(notices) {}

  // kEnd at the end, again and again. The error is PostgreSQL's: a syntax error.
  runtime::Result<Token> next();

 private:
  Token word();
  Token identifier(std::string text);
  runtime::Result<Token> quoted(char quote, TokenKind kind);
  Token number_or_position();

  std::string_view rest_;
  settings::Notices& notices_;
};

runtime::Error syntax_error();

}  // namespace server::command
