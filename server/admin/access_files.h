#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/admin/preflight.h"
#include "server/admin/primary_roles.h"
#include "server/auth/access_policy.h"
#include "server/auth/role_refresher.h"

namespace server::admin {

// The policy that a server goes by, read from its files, and what asks the primary for roles.
//   Owner: Server.  Thread: main's; blocks on files.
//   Borrows: the clock.
class Access {
 public:
  struct Options {
    auth::AccessFiles files;
    std::string primary_conninfo;
    RoleQueryOptions roles;
  };

  Access(Options options, const runtime::Clock& clock)
      : options_(std::move(options)), clock_(clock) {}

  // The log is told of each line that is wrong, and the error is of a whole file (postmaster.c,
  // "could not load"). The mock's secret, and what is known of roles, are kept in
  // `state_directory`. Roles are those of the cluster of this identifier; none: of any, as where
  // the WAL is no cluster's.
  runtime::Result<void> load(const std::string& state_directory,
                             std::optional<std::uint64_t> system_identifier);
  // Reads the files again, for a server with this TLS, and goes on with these options for roles.
  // Where a file is wrong, rules and roles stay as they were (hba.c, load_hba), and the primary is
  // asked further if it was, where and as it was.
  void reload(const RoleQueryOptions& roles, const auth::ServerSsl& ssl);
  // No policy's roles are asked for any more. Waits for the thread that does it.
  void stop();
  const std::shared_ptr<const auth::AccessPolicy>& policy() const { return policy_; }

 private:
  runtime::Result<std::shared_ptr<const auth::AccessPolicy>> read() const;
  auth::RolePlace place() const;
  void begin_roles();
  void retire_roles();

  Options options_;
  const runtime::Clock& clock_;
  std::string state_directory_;
  std::optional<std::uint64_t> system_identifier_;
  auth::Key mock_secret_;
  std::unique_ptr<auth::RoleRefresher> refresher_;  // while roles are to be asked for
  std::shared_ptr<const auth::AccessPolicy> policy_ = auth::AccessPolicy::open();
};

// What is wrong with the files, for the operator who asks; `asks_roles`: the primary is asked for
// roles. Blocks.
Findings look_at_access(const auth::AccessFiles& files, bool asks_roles);

}  // namespace server::admin
