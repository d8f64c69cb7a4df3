#pragma once

#include <algorithm>
#include <vector>

#include "runtime/clock.h"
#include "server/wal/lsn.h"

namespace bench::behaviour {

// How far a standby was some time ago, which is what one says that acknowledges late. It is never
// early, and late by kSteps-th of the delay at most.
//   Owner: Standby.  Thread: the owner's.
//   Limits: remembers kSteps + 1 positions.
class DelayedPosition {
 public:
  static constexpr int kSteps = 16;

  // REQUIRES: delay > 0.
  explicit DelayedPosition(runtime::Duration delay)
      : delay_(delay), step_(std::max(delay / kSteps, runtime::Duration(1))) {}

  // The standby has all before `lsn` now. Positions of one step count with the step's end.
  void note(runtime::Instant now, server::wal::Lsn lsn) {
    forget(now);
    const runtime::Instant at = end_of_step(now);
    if (waiting_.empty() || waiting_.back().at != at) waiting_.push_back({at, lsn});
    waiting_.back().lsn = lsn;
  }
  // What it had so long ago; 0/0 if nothing was noted then.
  server::wal::Lsn get(runtime::Instant now) {
    forget(now);
    return due_;
  }

 private:
  struct Mark {
    runtime::Instant at;
    server::wal::Lsn lsn;
  };

  runtime::Instant end_of_step(runtime::Instant now) const {
    const auto since = now.time_since_epoch();
    return runtime::Instant((since / step_ + 1) * step_);
  }
  // Of those whose time has come only the last one matters.
  void forget(runtime::Instant now) {
    const auto first = std::find_if(waiting_.begin(), waiting_.end(),
                                    [&](const Mark& mark) { return now - mark.at < delay_; });
    if (first != waiting_.begin()) due_ = std::prev(first)->lsn;
    waiting_.erase(waiting_.begin(), first);
  }

  const runtime::Duration delay_;
  const runtime::Duration step_;
  std::vector<Mark> waiting_;  // by time
  server::wal::Lsn due_;
};

}  // namespace bench::behaviour
