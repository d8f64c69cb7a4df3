#pragma once

#include <cstdint>
#include <optional>

#include "runtime/clock.h"

namespace server::wal {

// When a piece of WAL passed the stages of its source, in their order.
struct SourceTimes {
  runtime::Instant arrived{};    // in the kernel, from a primary
  runtime::Instant found{};      // the source's thread has it, or found it in its file
  runtime::Instant stored{};     // written to the spool; the same as found where there is none
  runtime::Instant proven{};     // its records are whole and right
  runtime::Instant published{};  // handed to the loops
};

// The times of the WAL that a source works on, one piece after the other. A piece that arrives
// while the thread works on another waits for what holds up that one, and its wait is counted in
// that stage:
//   1. The disk takes a second for a piece of WAL, which is proven at once.
//   2. The next piece arrives at the begin of that second, and would be written at once.
//   3. It counts as found when it arrived, and as stored a second later: the disk is to blame.
// A piece that finds the thread asleep waits for it to wake, which ends with `found`.
//   Owner: WalTail.  Thread: the source's.
class SourceClock {
 public:
  // Begins with the next piece. REQUIRES: arrived <= found.
  void received(runtime::Instant arrived, runtime::Instant found);
  // Each as soon as it is known. What was not called has taken no time.
  void stored(runtime::Instant at);
  void proven(runtime::Instant at);
  // May be called for one part of the piece after the other. A source that has received nothing has
  // found what it publishes at that moment.
  SourceTimes published(runtime::Instant at);

 private:
  enum class Work : std::uint8_t { kStoring, kProving, kPublishing };

  Work longest() const;
  // By how much the end of a stage moves back, so that the wait lies behind it.
  runtime::Duration shift_behind(Work work) const {
    return held_up_by_ > work ? waited_ : runtime::Duration::zero();
  }

  std::optional<SourceTimes> times_;  // of the piece that is worked on, or the last one
  runtime::Instant busy_until_{};
  runtime::Duration waited_{};  // for the pieces before
  Work held_up_by_ = Work::kStoring;
};

}  // namespace server::wal
