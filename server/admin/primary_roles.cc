#include "server/admin/primary_roles.h"

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "server/auth/role_row.h"
#include "server/source/conninfo.h"
#include "server/source/errors.h"

namespace server::admin {

using runtime::format;
using runtime::Result;

namespace {

constexpr std::string_view kDefaultDatabase = "postgres";

// A time before 1970 is as long past as 1970. Each function and operator is the catalog's: another
// of the same name in a schema that a role may write to would be run by auth_user.
constexpr std::string_view kDefaultQuery =
    "SELECT a.rolname, a.rolpassword, a.rolcanlogin, a.rolreplication, a.rolsuper,"
    " CASE WHEN a.rolvaliduntil OPERATOR(pg_catalog.<) 'infinity'::pg_catalog.timestamptz"
    " THEN (pg_catalog.date_part('epoch'::pg_catalog.text,"
    " GREATEST(a.rolvaliduntil, '1970-01-01'::pg_catalog.timestamptz))"
    " OPERATOR(pg_catalog.*) 1000000::pg_catalog.float8)::pg_catalog.int8 END AS valid_until,"
    " a.rolconnlimit, ARRAY("
    "WITH RECURSIVE groups(oid) AS ("
    "SELECT roleid FROM pg_catalog.pg_auth_members WHERE member"
    " OPERATOR(pg_catalog.=) a.oid"
    " UNION SELECT m.roleid FROM pg_catalog.pg_auth_members m JOIN groups"
    " ON m.member OPERATOR(pg_catalog.=) groups.oid)"
    " SELECT r.rolname::pg_catalog.text FROM groups JOIN pg_catalog.pg_roles r"
    " ON r.oid OPERATOR(pg_catalog.=) groups.oid"
    ") AS groups"
    " FROM pg_catalog.pg_authid a WHERE a.rolname OPERATOR(pg_catalog.=) $1";
constexpr std::string_view kDefaultQueryOptions = "-c search_path=";

// The database of a primary_conninfo is not meant for this: its connections are for replication.
std::string database_of(const RoleQueryOptions& options) {
  const bool by_default = options.dbname.empty() && options.conninfo.empty();
  return by_default ? std::string(kDefaultDatabase) : options.dbname;
}

// Without what may change while the place stays the same, such as a password.
std::string place_of(const std::string& conninfo) {
  std::string place;
  if (conninfo.empty()) return place;
  const auto read = source::read_conninfo(conninfo);
  if (!read) return conninfo;
  for (const source::Host& host : read->hosts) place += source::describe(host) + "\n";
  for (const auto& [name, value] : read->options) {
    if (name == "dbname" || name == "user") place += format("{}={}\n", name, value);
  }
  return place;
}

std::size_t bytes_of(std::span<const source::PrimaryQuery::Value> row) {
  std::size_t bytes = 0;
  for (const auto& [column, value] : row) bytes += value.has_value() ? value->size() : 0;
  return bytes;
}

Result<auth::Role> read_row(std::span<const source::PrimaryQuery::Value> row) {
  std::vector<auth::RowValue> values;
  for (const auto& [column, value] : row) values.push_back({.column = column, .value = value});
  return auth::role_of_row(values);
}

}  // namespace

std::string default_role_query() { return std::string(kDefaultQuery); }

PrimaryRoles::PrimaryRoles(const RoleQueryOptions& options, const std::string& primary_conninfo,
                           std::optional<std::uint64_t> system_identifier,
                           const runtime::Clock& clock, runtime::Doorbell& doorbell,
                           const runtime::Published<bool>& stop)
    : text_(options.query.empty() ? default_role_query() : options.query),
      query_({.conninfo = options.conninfo.empty() ? primary_conninfo : options.conninfo,
              .dbname = database_of(options),
              .user = options.user,
              .options = std::string(options.query.empty() ? kDefaultQueryOptions : ""),
              .system_identifier = system_identifier,
              .timeout = kTimeout},
             clock, doorbell, stop) {}

// A query that compares without regard to case may return another role than was asked for.
Result<std::optional<auth::Role>> PrimaryRoles::fetch(const std::string& name) {
  std::optional<auth::Role> found;
  std::size_t rows = 0;
  const auto take = [&](std::span<const source::PrimaryQuery::Value> row) -> Result<void> {
    if (++rows > 1) {
      return runtime::Error{.kind = &runtime::kInvalidParameterValue,
                            .what = "auth_query: more than one row for one role"};
    }
    if (bytes_of(row) > kRoleBytesMax) {
      runtime::log::error("role \"{}\" of the primary has more than {} bytes, and is not taken",
                          name, kRoleBytesMax);
      return {};
    }
    auth::Role role = TRY(read_row(row));
    if (role.name == name) found = std::move(role);
    return {};
  };
  const auto asked = query_.ask(text_, name, take);
  if (asked || asked.error().kind == &source::kUpstreamValueRefused) return found;
  runtime::Error error = asked.error();
  if (error.kind == &source::kUpstreamRowRefused) error.kind = &runtime::kInvalidParameterValue;
  return error;
}

auth::RolePlace role_place(const RoleQueryOptions& options, const std::string& primary_conninfo,
                           std::optional<std::uint64_t> system_identifier,
                           const runtime::Clock& clock) {
  const std::string text = options.query.empty() ? default_role_query() : options.query;
  return {.origin = format("{}\n{}\n{}\n{}\n{}", system_identifier.value_or(0),
                           place_of(options.conninfo), options.user, options.dbname, text),
          .make_fetcher = [options, primary_conninfo, system_identifier, &clock](
                              runtime::Doorbell& doorbell, const runtime::Published<bool>& stop)
              -> std::unique_ptr<auth::RoleFetcher> {
            return std::make_unique<PrimaryRoles>(options, primary_conninfo, system_identifier,
                                                  clock, doorbell, stop);
          }};
}

}  // namespace server::admin
