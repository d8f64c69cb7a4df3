#pragma once

#include <string_view>

namespace server::auth {

// Why an expression cannot be handed to RE2's POSIX syntax, which reads some things otherwise than
// PostgreSQL does instead of refusing them.
enum class RegexFault {
  kNone,        // what RE2 accepts of it, it understands as PostgreSQL does
  kQuantifier,  // a quantifier without anything before it
  kCounts,      // a brace and a digit that are no "{m}", "{m,}" or "{m,n}"
  kForeign,     // a part of PostgreSQL's syntax that is not to be had here
};

RegexFault find_regex_fault(std::string_view pattern);

}  // namespace server::auth
