#pragma once

#include "runtime/clock.h"
#include "runtime/tcp_timeouts.h"
#include "server/settings/session_settings.h"

namespace server::session {

// How long one session waits for its client.
struct SessionTimeouts {
  runtime::Duration wal_sender{};    // 0: for ever, and so with the next
  runtime::Duration idle_session{};  // between commands
  runtime::TcpTimeouts tcp;
};

// What the client has set for itself, over the server's.
SessionTimeouts timeouts_of(const settings::SessionSettings& own, SessionTimeouts timeouts);

}  // namespace server::session
