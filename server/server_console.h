#pragma once

#include <functional>

#include "runtime/clock.h"
#include "runtime/counters.h"
#include "server/console/console_thread.h"
#include "server/session/admin_verbs.h"
#include "server/session/cancel_keys.h"
#include "server/session/pauses.h"
#include "server/slot/slots.h"
#include "server/source/source.h"
#include "server/stats/collector.h"
#include "server/wal/tail.h"
#include "server/worker.h"

namespace server {

// What normal connections are served with: the console thread, what admins may do by it, and the
// count of those that are in.
//   Owner: Server.  Thread: main's.
//   Borrows: what Parts names. Sessions end before it does.
class ServerConsole {
 public:
  struct Parts {
    const runtime::Clock& clock;
    session::CancelKeys& cancel_keys;
    slot::Slots& slots;
    const wal::WalTail& tail;
    source::Source& source;
    stats::Collector& collector;
    // As SIGHUP and SIGUSR1. Called on the console's thread, and to do no more than pass it on.
    std::function<void()> reload;
    std::function<void()> log_memory_contexts;
  };

  explicit ServerConsole(const Parts& parts);

  // What sessions use of it.
  void add_to(Worker::Shared& shared);
  // Before the first session.
  void add(session::PausedLoop& loop) { verbs_.add(loop); }

 private:
  runtime::Gauge clients_;
  session::Pauses pauses_;
  session::ServerVerbs verbs_;
  console::ConsoleThread thread_;  // last: it uses the rest
};

}  // namespace server
