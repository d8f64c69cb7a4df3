#include "server/auth/name_token.h"

#include <utility>

#include "server/wire/text.h"

namespace server::auth {

NameToken::NameToken(Token token, Case letters, std::optional<Regex> regex)
    : token_(std::move(token)), letters_(letters), regex_(std::move(regex)) {}

runtime::Result<NameToken> NameToken::make(Token token, Case letters) {
  std::optional<Regex> regex;
  if (token.text.starts_with('/')) {
    regex = TRY(Regex::compile(std::string_view(token.text).substr(1), letters));
  }
  return NameToken(std::move(token), letters, std::move(regex));
}

NameToken NameToken::plain(std::string name, Case letters) {
  return NameToken({.text = std::move(name), .quoted = true}, letters, std::nullopt);
}

bool NameToken::matches(std::string_view name) const {
  if (regex_) return regex_->matches(name);
  return letters_ == Case::kIgnored ? wire::equal_ignoring_case(token_.text, name)
                                    : token_.text == name;
}

bool NameToken::matches_user(std::string_view user, const IsMember& is_member) const {
  if (is_group()) return is_member(std::string_view(token_.text).substr(1));
  return is_keyword("all") || matches(user);
}

}  // namespace server::auth
