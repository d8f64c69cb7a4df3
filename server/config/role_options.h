#pragma once

#include <string>
#include <string_view>

#include "runtime/result.h"
#include "server/admin/primary_roles.h"
#include "server/auth/access_policy.h"
#include "server/settings/options.h"

namespace server::config {

// The options for roles that the primary is asked for.
void add_role_options(settings::Options& options, admin::RoleQueryOptions& roles);

// Whether they fit each other, and what else they need.
runtime::Result<void> check_role_options(const admin::RoleQueryOptions& roles,
                                         const auth::AccessFiles& files,
                                         const std::string& primary_conninfo);

// Whether libpq takes the value of this option. An error does not have it, for it may have a
// password.
runtime::Result<void> check_conninfo(std::string_view name, const std::string& text);

}  // namespace server::config
