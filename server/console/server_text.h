#pragma once

#include <string>
#include <string_view>

#include "runtime/result.h"
#include "server/console/session_state.h"
#include "server/console/value.h"
#include "server/settings/settings.h"
#include "server/stats/snapshot.h"

namespace server::console {

// "PostgreSQL 15.0 (walcast 0.1) on x86_64-pc-linux-gnu, compiled by gcc 12.2.0, 64-bit": begins as
// PostgreSQL's does, since clients look for its version there.
std::string version_text(const stats::Snapshot& snapshot);

// The major version of PostgreSQL whose columns are shown: the WAL's, from 13 to 18.
int shown_version(const stats::Snapshot& snapshot);

// Whether the session may call verbs.
bool may_administer(const SessionState& session);

// What SHOW shows of a setting: the session's value, or the server's (42704, 55000).
runtime::Result<std::string> shown_setting(const settings::Settings& settings,
                                           const SessionState& session, std::string_view name);
// SET: the errors are PostgreSQL's. What the client is to hear of is in the session's reports.
runtime::Result<void> change_setting(const settings::Settings& settings, SessionState& session,
                                     std::string_view name, std::string_view value);

// An inet, or null if the text is no address: that of a Unix-domain socket.
Value address(std::string_view text);

}  // namespace server::console
