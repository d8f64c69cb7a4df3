#pragma once

#include <algorithm>

#include "runtime/check.h"
#include "runtime/clock.h"

namespace server::slot {

// When work that costs the disk something may begin: a burst of it at once, and then no more than
// one piece in an interval. With take(), each piece gets an instant, in the order in which they are
// asked for:
//
//   burst 3    asked  a b c d e                         f
//              begin  a b c . . d . . e  (an interval)  f
//
//   Owner: Slots for all sessions, and each session for itself.  Thread: the owner's.
//   Invariant: what begins in a time t is no more than t / interval and a burst.
class Pace {
 public:
  Pace(int per_second, int burst)
      : interval_(runtime::Duration(std::chrono::seconds(1)) / per_second),
        ahead_((burst - 1) * interval_) {
    CHECK(interval_.count() > 0 && burst > 0);
  }

  // When the next piece may begin; it counts as begun then.
  runtime::Instant take(runtime::Instant now) {
    const runtime::Instant begin = std::max(now, due_ - ahead_);
    due_ = std::max(due_, now) + interval_;
    return begin;
  }
  // The same, if it may begin now. Else it does not count, and may be asked for again at the
  // instant that is returned, from which on the first that asks may begin.
  runtime::Instant take_if_due(runtime::Instant now) {
    const runtime::Instant begin = due_ - ahead_;
    return begin > now ? begin : take(now);
  }

 private:
  const runtime::Duration interval_;
  const runtime::Duration ahead_;  // of what is due a burst may begin so much earlier
  runtime::Instant due_{};         // of the next piece, if there were no bursts
};

}  // namespace server::slot
