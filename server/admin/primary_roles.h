#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "runtime/clock.h"
#include "runtime/doorbell.h"
#include "runtime/published.h"
#include "runtime/result.h"
#include "server/auth/role_fetcher.h"
#include "server/auth/role_refresher.h"
#include "server/source/primary_query.h"

namespace server::admin {

// How the primary is asked for roles.
struct RoleQueryOptions {
  std::string query;     // whose $1 is a role's name; empty: default_role_query()
  std::string user;      // as whom; empty: as the conninfo says
  std::string dbname;    // empty: as auth_conninfo says, or postgres
  std::string conninfo;  // auth_conninfo; empty: primary_conninfo
  runtime::Duration cache_time{};

  // Whether the primary is asked at all.
  bool is_on() const { return !user.empty() || !conninfo.empty(); }
};

// Reads pg_authid, which only superusers may, and the memberships of the role by any way.
std::string default_role_query();

// Asks for roles by a query.
//   Owner: RoleRefresher, or a check.  Thread: the owner's, which must be one that may block.
//   Borrows: the clock, the doorbell and `stop`.
//   Invariant: no role is taken from a server of another cluster than that of `system_identifier`.
//   Limits: kTimeout for one role, its connection included; kRoleBytesMax for what it has.
class PrimaryRoles final : public auth::RoleFetcher {
 public:
  static constexpr runtime::Duration kTimeout = std::chrono::seconds(5);
  static constexpr std::size_t kRoleBytesMax = 64 << 10;

  // Without a system identifier, which is that of the WAL that is served, any cluster is asked.
  PrimaryRoles(const RoleQueryOptions& options, const std::string& primary_conninfo,
               std::optional<std::uint64_t> system_identifier, const runtime::Clock& clock,
               runtime::Doorbell& doorbell, const runtime::Published<bool>& stop);

  // kInvalidParameterValue: the rows are not as role_row.h has them, or the server failed at them,
  // with its words. Another error is the connection's, or the server's. A name that the server does
  // not take for one is no role's, nor is that of a role with too much of groups, which is logged.
  runtime::Result<std::optional<auth::Role>> fetch(const std::string& name) override;
  void rest() override { query_.disconnect(); }
  std::string server() const { return query_.server(); }  // REQUIRES: fetch() has succeeded

 private:
  const std::string text_;
  source::PrimaryQuery query_;
};

// The same for a refresher. `primary_conninfo` may be empty if the options have a conninfo. With
// another system identifier the roles are others.
auth::RolePlace role_place(const RoleQueryOptions& options, const std::string& primary_conninfo,
                           std::optional<std::uint64_t> system_identifier,
                           const runtime::Clock& clock);

}  // namespace server::admin
