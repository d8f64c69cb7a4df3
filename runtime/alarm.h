#pragma once

#include <cstdint>

#include "runtime/clock.h"
#include "runtime/fd.h"
#include "runtime/loop.h"

namespace runtime {

// Rings at a point of time, within some dozen microseconds: a timerfd, which the loop watches. A
// Timer is for deadlines, and as exact as epoll_wait, which counts milliseconds.
//   Owner: what waits for the time.  Thread: the loop's.
//   Borrows: the loop, the clock and the handler, which outlive it.
class Alarm final : private Loop::Handler {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    // The time has come, by the system's clock: another one may not be so far.
    virtual void on_alarm() = 0;
  };

  Alarm(Loop& loop, const Clock& clock, Handler& handler);
  ~Alarm() override;

  // Rings once, at `deadline` or at once if that has passed; replaces an earlier deadline.
  void arm(Instant deadline);

 private:
  void on_ready(std::uint32_t events) override;

  Loop& loop_;
  const Clock& clock_;
  Handler& handler_;
  UniqueFd fd_;
};

}  // namespace runtime
