#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/result.h"
#include "server/auth/regex.h"
#include "server/auth/token_lexer.h"

namespace server::auth {

// Whether the user who logs in is a member of a role, directly or by other roles. A role that is
// there is a member of itself; a superuser is not a member of every role (acl.c,
// is_member_of_role_nosuper); a user or a role that is not there is none of either. Called in the
// thread that compares, which it must not block.
using IsMember = std::function<bool(std::string_view role)>;

// A word of a database, user or ident field: a name, a keyword, a group or, from PostgreSQL 16 on,
// a regular expression, which begins with a slash even in quotes.
class NameToken {
 public:
  using Case = Regex::Case;

  // An error is of the regular expression.
  static runtime::Result<NameToken> make(Token token, Case letters = Case::kDiffers);
  // A name that stands for itself, whatever it looks like.
  static NameToken plain(std::string name, Case letters = Case::kDiffers);

  const Token& token() const { return token_; }
  const Regex* regex() const { return regex_ ? &*regex_ : nullptr; }
  bool is_keyword(std::string_view word) const { return token_.is_keyword(word); }
  // "+role"
  bool is_group() const { return !token_.quoted && token_.text.starts_with('+'); }
  Case letters() const { return letters_; }
  // The name itself, or what the regular expression matches.
  bool matches(std::string_view name) const;
  // As a word of a user field (hba.c, check_role): a group that has the user, "all", or the name.
  bool matches_user(std::string_view user, const IsMember& is_member) const;

 private:
  NameToken(Token token, Case letters, std::optional<Regex> regex);

  Token token_;
  Case letters_;
  std::optional<Regex> regex_;
};

}  // namespace server::auth
