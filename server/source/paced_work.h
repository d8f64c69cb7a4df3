#pragma once

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/timer.h"

namespace server::source {

// Work that takes long, so that another thread does it, and that has to be done only once for all
// that ask for it before it begins. However often it is asked for, one piece of it waits or runs:
//
//   asked  |   | |           |                  |
//   runs   [=======]......[=======]......       [=======]
//                  `pause `for both, once the pause is over
//
//   Owner: Scanner.  Thread: that of its home loop.
//   Borrows: the two loops, the clock and the job. REQUIRES: the worker's loop has ended before
//   this object does, and the home loop runs no task of it any more.
//   Limits: a share of the worker's time, since the pause behind a piece of work is a multiple of
//   the time that it took. Where it is not urgent, the share is smaller.
class PacedWork final : private runtime::Timer::Handler {
 public:
  // The three are called one after the other. What run() reads and writes, no other thread uses
  // between begin() and end().
  class Job {
   public:
    virtual ~Job() = default;
    virtual void begin() = 0;  // on the home loop
    virtual void run() = 0;    // on the worker's; it may block
    virtual void end() = 0;    // on the home loop
  };

  static constexpr runtime::Duration kPauseMin = std::chrono::milliseconds(20);
  static constexpr int kUrgentShare = 4;    // the pause is so many times as long as the work
  static constexpr int kLeisureShare = 20;  // the same where it is not urgent
  static_assert(kUrgentShare < kLeisureShare);

  PacedWork(runtime::Loop& home, runtime::Loop& worker, const runtime::Clock& clock, Job& job)
      : home_(home), worker_(worker), clock_(clock), job_(job), due_(home.timers(), *this) {}

  // Has the work done once more, from its begin on, as soon as it may be.
  void ask();
  // The same only if it may begin now, and has no need to be soon. Returns whether it has begun.
  bool ask_at_leisure();

 private:
  enum class State { kIdle, kWaits, kRuns, kRunsAndIsAskedFor };

  void on_timer(runtime::Timer& timer) override;
  void wait_or_begin() REQUIRES(home_);
  void begin() REQUIRES(home_);
  void work();
  void done(runtime::Duration took);

  runtime::Loop& home_;
  runtime::Loop& worker_;
  const runtime::Clock& clock_;
  Job& job_;
  State state_ GUARDED_BY(home_) = State::kIdle;
  runtime::Instant urgent_from_ GUARDED_BY(home_){};
  runtime::Instant leisure_from_ GUARDED_BY(home_){};
  runtime::Timer due_ GUARDED_BY(home_);
};

}  // namespace server::source
