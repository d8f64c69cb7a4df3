#pragma once

#include "runtime/clock.h"
#include "runtime/doorbell.h"
#include "runtime/published.h"
#include "runtime/result.h"

namespace server::source {

// The one way in which a thread waits that talks to a primary: for a descriptor, for the doorbell,
// and for another thread that has set `stop` and rung the doorbell.
//   Owner: Upstream, or PrimaryQuery.  Thread: the owner's.
//   Borrows: the doorbell and `stop`.
class InterruptibleWait {
 public:
  InterruptibleWait(runtime::Doorbell& doorbell, const runtime::Published<bool>& stop)
      : doorbell_(doorbell), stop_(stop) {}

  // Until `fd` is ready for `events` (poll's; no descriptor: -1), the doorbell rings, or `at_most`
  // has passed. Returns the events that `fd` is ready for; wire::kQueryCanceled once `stop` is set.
  runtime::Result<short> wait(int fd, short events, runtime::Duration at_most) const;
  // wire::kQueryCanceled once `stop` is set.
  runtime::Result<void> check() const;

 private:
  runtime::Doorbell& doorbell_;
  const runtime::Published<bool>& stop_;
};

}  // namespace server::source
