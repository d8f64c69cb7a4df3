#include "server/config/role_options.h"

#include <utility>

#include "runtime/format.h"
#include "server/settings/option_types.h"
#include "server/source/conninfo.h"
#include "server/wire/errors.h"

namespace server::config {

using runtime::format;
using runtime::Result;
using settings::Options;
using settings::Unit;

namespace {

constexpr auto kReloaded = settings::SettingContext::kSighup;

runtime::Fail refuse(std::string what) {
  return runtime::Fail({.kind = &wire::kInvalidParameterValue, .what = std::move(what)});
}

}  // namespace

void add_role_options(Options& options, admin::RoleQueryOptions& roles) {
  options.add("auth-user", roles.user, "", settings::text(),
              "Ask the primary for roles, as this one", kReloaded);
  options.add("auth-query", roles.query, "", settings::text(),
              "The query for the role of name $1; none: of pg_authid, which superusers may read",
              kReloaded);
  options.add("auth-dbname", roles.dbname, "", settings::text(),
              "The database that is asked; none: as --auth-conninfo says, or postgres", kReloaded);
  options.add("auth-conninfo", roles.conninfo, "", settings::secret(),
              "The server that is asked for roles; none: that of --primary-conninfo", kReloaded);
  options.add(
      "auth-cache-time", roles.cache_time, "60s", settings::duration(Unit::kSeconds),
      "How old what is known of a role may be while the primary answers; 0: each login asks",
      kReloaded);
}

Result<void> check_role_options(const admin::RoleQueryOptions& roles,
                                const auth::AccessFiles& files,
                                const std::string& primary_conninfo) {
  if (!roles.is_on()) {
    if (roles.query.empty() && roles.dbname.empty()) return {};
    return refuse(roles.query.empty() ? "--auth-dbname needs --auth-user or --auth-conninfo"
                                      : "--auth-query needs --auth-user or --auth-conninfo");
  }
  const std::string_view flag = roles.user.empty() ? "--auth-conninfo" : "--auth-user";
  if (files.hba.empty()) return refuse(format("{} needs --hba-file", flag));
  if (!roles.conninfo.empty()) return check_conninfo("auth_conninfo", roles.conninfo);
  if (!primary_conninfo.empty()) return {};
  return refuse("--auth-user needs --primary-conninfo or --auth-conninfo");
}

Result<void> check_conninfo(std::string_view name, const std::string& text) {
  const auto conninfo = source::read_conninfo(text);
  if (conninfo) return {};
  runtime::Fail failure = refuse(format("invalid value for parameter \"{}\"", name));
  failure.error.detail = conninfo.error().what;
  return failure;
}

}  // namespace server::config
