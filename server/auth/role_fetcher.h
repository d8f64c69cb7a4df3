#pragma once

#include <optional>
#include <string>

#include "runtime/result.h"
#include "server/auth/role.h"

namespace server::auth {

// Asks the primary for roles; a test has one that knows them itself.
//   Owner: RoleRefresher.  Thread: the owner's, which it may block.
class RoleFetcher {
 public:
  virtual ~RoleFetcher() = default;
  // The role of that name, and of no other; none: there is no such role. kInvalidParameterValue:
  // what the primary has of this role cannot be read, which says nothing of others. Another error:
  // the primary does not answer, or not what was asked for.
  virtual runtime::Result<std::optional<Role>> fetch(const std::string& name) = 0;
  // There is nothing to ask for a while.
  virtual void rest() = 0;
};

}  // namespace server::auth
