#include "server/admin/process_rules.h"

#include <algorithm>

#include "runtime/errors.h"
#include "runtime/process.h"
#include "runtime/system_call_filter.h"
#include "server/source/conninfo.h"

namespace server::admin {

using runtime::Error;
using runtime::Result;

namespace {

// main.c, check_root.
Result<void> take_on_user(const ProcessRules& rules) {
  if (!runtime::is_own_user()) {
    return Error{.kind = &runtime::kNoPermission, .what = "real and effective user IDs must match"};
  }
  if (!runtime::is_root()) {
    if (rules.user.empty()) return {};
    return Error{.kind = &runtime::kNoPermission,
                 .what = "only root can start walcast with --user",
                 .hint = "Start it as that user."};
  }
  if (!rules.user.empty()) {
    TRY(runtime::become_user(rules.user));
    if (!runtime::is_root()) return {};
  }
  if (rules.allow_root) return {};
  return Error{.kind = &runtime::kNoPermission,
               .what = "\"root\" execution of walcast is not permitted",
               .detail = "An intruder who finds a way into the server would have the whole host.",
               .hint =
                   "Start it as an unprivileged user, or with --user and that user's name, or "
                   "with --allow-root."};
}

}  // namespace

Result<void> take_on(const ProcessRules& rules) {
  TRY(take_on_user(rules));
  // A process that has changed its user leaves no core file unless it says that it may.
  runtime::set_dumpable(rules.allow_core_dumps || !rules.has_secrets);
  const runtime::SystemCallFilter filter{.may_run_programs = rules.runs_programs};
  if (rules.seccomp) TRY(filter.install());
  return {};
}

bool has_password(const std::string& conninfo) {
  if (conninfo.empty()) return false;
  const auto parsed = source::read_conninfo(conninfo);
  return parsed &&
         std::any_of(parsed->options.begin(), parsed->options.end(), [](const auto& option) {
           return option.first == "password" && !option.second.empty();
         });
}

}  // namespace server::admin
