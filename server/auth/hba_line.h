#pragma once

#include "runtime/result.h"
#include "server/auth/hba_rule.h"
#include "server/auth/tokens.h"

namespace server::auth {

// The rule that the words of a line are (hba.c, parse_hba_line); an error is in PostgreSQL's words.
// Methods that walcast does not have are refused as PostgreSQL refuses those that it was built
// without.
runtime::Result<HbaRule> parse_hba_line(const TokenLine& line);

}  // namespace server::auth
