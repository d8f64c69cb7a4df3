#include "server/session/cancel_request.h"

#include "runtime/format.h"
#include "server/session/origin.h"

namespace server::session {

void cancel_another(SessionEnvironment& environment, const runtime::SocketAddress& peer,
                    const SessionLog& log, const wire::CancelRequest& request) {
  const std::uint32_t id = request.process_id;
  if (!environment.admissions.may_cancel(Origin(peer), environment.loop.now())) {
    return log.say("too many cancel requests from this address");
  }
  switch (environment.cancel_keys.cancel(id, request.key)) {
    case CancelKeys::Cancel::kPosted:
      break;
    case CancelKeys::Cancel::kNoSuchProcess:
      log.say(runtime::format("PID {} in cancel request did not match any process", id));
      break;
    case CancelKeys::Cancel::kWrongKey:
      log.say(runtime::format("wrong key in cancel request for process {}", id));
      break;
  }
}

}  // namespace server::session
