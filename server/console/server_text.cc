#include "server/console/server_text.h"

#include <algorithm>
#include <utility>

#include "runtime/format.h"
#include "server/console/numbers.h"
#include "server/settings/session_settings.h"
#include "server/wire/text.h"

namespace server::console {

namespace {

#if defined(__x86_64__)
constexpr std::string_view kMachine = "x86_64-pc-linux-gnu";
#elif defined(__aarch64__)
constexpr std::string_view kMachine = "aarch64-unknown-linux-gnu";
#else
constexpr std::string_view kMachine = "unknown-linux-gnu";
#endif

}  // namespace

std::string version_text(const stats::Snapshot& snapshot) {
  const settings::Setting* version = snapshot.settings->find("server_version");
  return runtime::format(
      "PostgreSQL {} on {}, compiled by C++ {}, {}-bit",
      version != nullptr ? version->value : runtime::format("{}.0", shown_version(snapshot)),
      kMachine, __VERSION__, sizeof(void*) * 8);
}

int shown_version(const stats::Snapshot& snapshot) {
  constexpr int kOldest = 13;
  constexpr int kNewest = 18;
  if (snapshot.major_version == 0) return kNewest;
  return std::clamp(snapshot.major_version, kOldest, kNewest);
}

bool may_administer(const SessionState& session) {
  // Where no rule asks for a name, a name means nothing (Grants::has_proven).
  return session.grants.is_admin || !session.grants.has_proven;
}

runtime::Result<std::string> shown_setting(const settings::Settings& settings,
                                           const SessionState& session, std::string_view name) {
  if (wire::equal_ignoring_case(name, "is_superuser")) {
    return settings::show_bool(may_administer(session));
  }
  if (wire::equal_ignoring_case(name, "session_authorization")) return session.user;
  return TRY(settings::find_shown(settings, session.settings, name)).value;
}

runtime::Result<void> change_setting(const settings::Settings& settings, SessionState& session,
                                     std::string_view name, std::string_view value) {
  settings::Notices notices;
  TRY(session.settings.set(settings, name, value, notices));
  for (runtime::Error& notice : notices) {
    session.notices.push_back({wire::Severity::kNotice, std::move(notice)});
  }
  for (const std::string_view reported :
       {"application_name", "client_encoding", "DateStyle", "IntervalStyle", "TimeZone"}) {
    if (!wire::equal_ignoring_case(name, reported)) continue;
    session.reports.emplace_back(reported, TRY(shown_setting(settings, session, name)));
  }
  return {};
}

Value address(std::string_view text) {
  auto read = read_inet(text);
  return read ? Value(std::move(*read)) : Value();
}

}  // namespace server::console
