#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "server/auth/verifier.h"

namespace server::auth {

// The longest name of a role: a client's is cut to that (NAMEDATALEN - 1).
inline constexpr std::size_t kRoleNameBytesMax = 63;

// A role as the auth_file or the primary knows it (pg_authid).
struct Role {
  std::string name;
  Verifier verifier = {};
  bool can_login = true;
  bool can_replicate = false;
  bool superuser = false;
  std::optional<runtime::WallMicros> valid_until = {};  // the password, not the role
  std::int64_t connection_limit = -1;                   // none
  std::vector<std::string> groups = {};                 // of which it is a member, by any way
};

// A superuser may do all that a role may (has_rolreplication).
inline bool may_replicate(const Role& role) { return role.superuser || role.can_replicate; }

}  // namespace server::auth
