#pragma once

#include <string_view>

#include "runtime/result.h"
#include "server/auth/hba_rule.h"

namespace server::auth {

// Takes one "name=value" into the options of a rule (hba.c, parse_hba_auth_opt). Options of methods
// that walcast does not have are known by name, so that the error says what they are for.
runtime::Result<void> take_hba_option(std::string_view text, ConnectionType type, AuthMethod method,
                                      HbaOptions& options);

}  // namespace server::auth
