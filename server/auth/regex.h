#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace re2 {
class RE2;
}

namespace server::auth {

// A regular expression of an hba or ident file, matched by RE2: in time that is linear in the name,
// which a stranger has chosen, and without recursion.
//   Owner: the rule or map line that it is of.  Thread: any, at once; it never changes.
//   Invariant: what the expression means here, it means to PostgreSQL (an ARE), or it is refused.
//   Limits: kMemoryMax for the compiled expression and its cache.
//
// Of PostgreSQL's AREs these are refused: back references, look-around and other groups that begin
// with "(?", embedded options and directors, non-greedy quantifiers, collating elements
// ("[.x.]", "[=x=]", "[[:<:]]"), and of escapes all but a backslash before punctuation, \d \D \s
// \S \w \W and \a \f \n \r \t \v. A name is a row of bytes, as it is to PostgreSQL's postmaster: a
// dot is one byte, and only letters of ASCII are word characters. Of all matches the longest is
// taken; where parts of the expression may share a longest match in several ways, the first
// alternative that can lead to it wins, and PostgreSQL's choice may be another: "^(a|ab)(bc|c)$"
// has two such ways for "abc". That matters to \1 of an ident file alone.
class Regex {
 public:
  enum class Case { kDiffers, kIgnored };

  // An error is PostgreSQL's "invalid regular expression".
  static runtime::Result<Regex> compile(std::string_view pattern, Case letters = Case::kDiffers);

  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  // Whether it matches `text` or a part of it.
  bool matches(std::string_view text) const;

  // The first match, and what its first group took; that is part of `text`.
  struct Match {
    std::optional<std::string_view> first_group;  // none: no such group, or one that took no part
  };
  std::optional<Match> match(std::string_view text) const;

  const std::string& pattern() const;

 private:
  explicit Regex(std::unique_ptr<const re2::RE2> compiled);

  std::unique_ptr<const re2::RE2> compiled_;
};

}  // namespace server::auth
