#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/clock.h"
#include "runtime/log_line.h"
#include "server/auth/grants.h"
#include "server/settings/session_settings.h"

namespace server::session {

// The client at the other end of a connection: its role, and what it has set for its session.
struct Client {
  std::string user;
  std::string address;
  std::string database;  // of a normal connection; a walsender has none (ProcessStartupPacket)
  std::uint32_t process_id = 0;     // of the session, as pg_stat_replication shows it
  runtime::WallMicros started = 0;  // the session
  auth::Grants grants;
  settings::SessionSettings settings;

  settings::Encoding encoding() const { return settings.encoding(); }
  std::string_view application_name() const { return settings.application_name(); }

  // As the log's lines name the session, which is in what `ps` says.
  runtime::log::Client for_log(std::string_view ps = "idle") const {
    return {.address = address,
            .user = user,
            .database = database,
            .application_name = std::string(application_name()),
            .process_id = process_id,
            .session_start = started,
            .ps = ps,
            .backend_type = database.empty() ? "walsender" : "client backend"};
  }
};

}  // namespace server::session
