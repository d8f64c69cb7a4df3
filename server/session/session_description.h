#pragma once

#include "runtime/socket.h"
#include "server/session/client.h"
#include "server/stats/session_status.h"
#include "server/stream/connection.h"
#include "server/stream/lag_clock.h"

namespace server::session {

// The parts of a SessionStatus that are not its loop's. All of it is for the session's thread.

// Where the client comes from, and by which TLS.
void describe_line(const runtime::SocketAddress& peer, const stream::Connection& connection,
                   stats::SessionStatus& status);
// Of one that is in.
void describe_client(const Client& client, stats::SessionStatus& status);
// The lags of a stream, from its positions and its delivery, which `status` has.
void describe_lags(const stream::LagClock& clock, runtime::Instant now,
                   stats::SessionStatus& status);

}  // namespace server::session
