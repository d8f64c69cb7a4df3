#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "runtime/tls_context.h"
#include "server/admin/primary_roles.h"
#include "server/auth/access_policy.h"
#include "server/wal/branch.h"

namespace server::admin {

// What `serve` would use; empty strings stand for what it has not.
struct CheckOptions {
  std::string wal_directory;
  wal::TimelineTarget recovery_target_timeline = {};  // of a directory without a primary
  std::string spool_directory;
  bool adopt_spool = false;
  std::string state_directory;
  std::string primary_conninfo;
  std::string primary_slot_name;
  bool create_primary_slot = false;
  runtime::Duration wal_receiver_timeout{};
  std::uint64_t min_free_space = 0;
  std::size_t max_replication_slots = 0;
  auth::AccessFiles access_files;
  std::optional<runtime::TlsOptions> tls = {};  // none: ssl is off
  RoleQueryOptions roles = {};
  // The first address to listen on, if all that are needed are free.
  std::function<runtime::Result<std::string>()> find_address;
};

// `walcast serve --check`: looks at all that `serve` would need, changes nothing, and prints a line
// on standard output for each thing that it has found. Returns the exit code: 1 if the server could
// not run, or could not get WAL. Blocks on the disk and on the primary.
int check(const CheckOptions& options);

// The same for options that are wrong, of which nothing more can be said.
int refuse_check(const std::vector<runtime::Error>& errors);

}  // namespace server::admin
