#include "server/admin/access_files.h"

#include <string_view>
#include <utility>

#include "runtime/format.h"
#include "runtime/log.h"

namespace server::admin {

using runtime::log::Level;

namespace {

constexpr std::string_view kRolesFile = "/auth_cache";

// The error with the place where PostgreSQL's log has a CONTEXT.
runtime::Error placed(const auth::FileError& wrong) {
  runtime::Error error = wrong.error;
  const std::string context = wrong.context();
  if (context.empty()) return error;
  error.detail += (error.detail.empty() ? "" : " ") + runtime::format("At {}.", context);
  return error;
}

}  // namespace

runtime::Result<void> Access::load(const std::string& state_directory,
                                   std::optional<std::uint64_t> system_identifier) {
  if (options_.files.hba.empty()) return {};
  state_directory_ = state_directory;
  system_identifier_ = system_identifier;
  mock_secret_ = TRY(auth::mock_secret_of(state_directory));
  if (options_.roles.is_on()) begin_roles();
  policy_ = TRY(read());
  return {};
}

void Access::reload(const RoleQueryOptions& roles, const auth::ServerSsl& ssl) {
  options_.roles = roles;
  options_.files.ssl = ssl;
  if (options_.files.hba.empty()) return;
  const bool had_asked = refresher_ != nullptr;
  if (options_.roles.is_on() && !had_asked) begin_roles();
  auto fresh = read();
  if (!fresh) {
    if (!had_asked) retire_roles();
    return runtime::log::error("{}; the rules and roles stay as they were", fresh.error().what);
  }
  policy_ = *std::move(fresh);
  if (!options_.roles.is_on()) {
    retire_roles();
  } else if (had_asked) {
    refresher_->change(place(), options_.roles.cache_time);
  }
}

void Access::stop() {
  if (refresher_ != nullptr) refresher_->stop();
}

// Logins that have begun with an older policy go on with what its cache knows.
void Access::retire_roles() {
  if (refresher_ != nullptr) refresher_->retire();
  refresher_.reset();
}

auth::RolePlace Access::place() const {
  return role_place(options_.roles, options_.primary_conninfo, system_identifier_, clock_);
}

void Access::begin_roles() {
  auth::RoleCache::Options cache;
  cache.cache_time = options_.roles.cache_time;
  refresher_ = std::make_unique<auth::RoleRefresher>(
      auth::RoleRefresher::Options{
          .cache = cache,
          .file = state_directory_.empty() ? "" : state_directory_ + std::string(kRolesFile),
          .place = place()},
      clock_);
  refresher_->start();
}

runtime::Result<std::shared_ptr<const auth::AccessPolicy>> Access::read() const {
  const bool asks = options_.roles.is_on();
  auth::AccessPolicy::Reading reading =
      auth::AccessPolicy::read(options_.files, mock_secret_, asks ? refresher_->cache() : nullptr);
  for (const std::string& file : reading.skipped) {
    runtime::log::log("skipping missing authentication file \"{}\"", file);
  }
  for (const auth::FileError& wrong : reading.warnings) {
    runtime::log::report(Level::kWarning, placed(wrong));
  }
  for (const auth::FileError& wrong : reading.errors) {
    runtime::log::report(Level::kError, placed(wrong));
  }
  if (reading.policy != nullptr) return std::move(reading.policy);
  return runtime::Error{.kind = &auth::kConfigFileError,
                        .what = runtime::format("could not load {}", reading.errors.front().file)};
}

Findings look_at_access(const auth::AccessFiles& files, bool asks_roles) {
  const runtime::SystemClock clock;
  const auto cache = std::make_shared<auth::RoleCache>(auth::RoleCache::Options(), clock, [] {});
  const auth::AccessPolicy::Reading reading =
      auth::AccessPolicy::read(files, auth::Key(), asks_roles ? cache : nullptr);
  Findings findings;
  for (const auth::FileError& wrong : reading.warnings) {
    findings.push_back({.level = Level::kWarning, .error = placed(wrong)});
  }
  for (const auth::FileError& wrong : reading.errors) {
    findings.push_back({.level = Level::kError, .error = placed(wrong)});
  }
  return findings;
}

}  // namespace server::admin
