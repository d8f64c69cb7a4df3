#pragma once

#include "runtime/socket.h"
#include "server/session/environment.h"
#include "server/session/session_log.h"
#include "server/wire/startup.h"

namespace server::session {

// Passes on what a connection from this address asks for instead of a session: that another one's
// command ends (postmaster.c, processCancelRequest). What is wrong with it only the log is told.
void cancel_another(SessionEnvironment& environment, const runtime::SocketAddress& peer,
                    const SessionLog& log, const wire::CancelRequest& request);

}  // namespace server::session
