#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>

#include "runtime/result.h"
#include "server/console/lexer.h"

namespace server::console {

// Expressions and queries nest no deeper within parentheses; 54001 if they do.
inline constexpr int kDepthMax = 100;

// The tokens of a statement, taken from front to back.
//   Owner: the function that parses.  Thread: any.
//   Borrows: the text and its tokens, the last of which is kEnd.
class TokenStream {
 public:
  TokenStream(std::string_view text, std::span<const Token> tokens)
      : text_(text), tokens_(tokens) {}

  // The token `ahead` of the next; kEnd behind the end.
  const Token& peek(std::size_t ahead = 0) const {
    const std::size_t index = at_ + ahead;
    return index < tokens_.size() ? tokens_[index] : tokens_.back();
  }
  bool next_is(std::string_view what, std::size_t ahead = 0) const { return peek(ahead).is(what); }
  const Token& take() {
    const Token& token = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool accept(std::string_view what) {
    if (!next_is(what)) return false;
    take();
    return true;
  }
  // All of them, or none.
  bool accept(std::initializer_list<std::string_view> words);
  runtime::Result<void> expect(std::string_view what) {
    if (accept(what)) return {};
    return unexpected();
  }
  // A name: quoted, or a word that is not reserved.
  runtime::Result<std::string> name();
  // ... or any word, as behind AS or a point.
  runtime::Result<std::string> label();

  // One more node that stands on the one before. All that are to be walked through one within the
  // other are counted, so that no statement is deeper than a thread's stack: 54001.
  runtime::Result<void> nest();

  std::size_t begin() const { return peek().begin; }
  runtime::Error unexpected() const { return syntax_error(text_, peek()); }
  // 0A000, of the token at `offset`.
  runtime::Error not_supported(std::string_view what, std::size_t offset) const;
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
  std::span<const Token> tokens_;
  std::size_t at_ = 0;
  int nested_ = 0;
};

// Words that are no names unless they are quoted (kwlist.h: RESERVED_KEYWORD, and those of
// TYPE_FUNC_NAME_KEYWORD that begin a join or are operators).
bool is_reserved(std::string_view word);

}  // namespace server::console
