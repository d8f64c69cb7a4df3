#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

#include "runtime/clock.h"

namespace runtime {

class Timers;

// One deadline of one owner, in whose object it lives. It is cheap to leave armed: an owner whose
// deadline keeps moving away lets it fire, looks at the clock and arms it again.
//   Owner: the object that waits.  Thread: the loop's.
class Timer {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void on_timer(Timer& timer) = 0;
  };

  Timer(Timers& timers, Handler& handler) : timers_(timers), handler_(handler) {}
  ~Timer() { disarm(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Fires once, at `deadline` or at the first turn after it; replaces an earlier deadline.
  void arm(Instant deadline);
  void disarm();
  bool armed() const { return index_ != kNone; }
  // REQUIRES: armed().
  Instant deadline() const { return deadline_; }

 private:
  friend class Timers;
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  Timers& timers_;
  Handler& handler_;
  Instant deadline_{};
  std::size_t index_ = kNone;      // where the heap keeps it
  std::size_t due_index_ = kNone;  // where the fire() that is running does
};

// The timers of one loop: a binary heap that knows where each timer is.
//   Owner: Loop.  Thread: the loop's.
class Timers {
 public:
  // When the next one fires, if any is armed.
  std::optional<Instant> next_deadline() const;
  // Fires all that are due. A handler may arm and disarm any timer, its own included; one that is
  // armed again for a due time fires in the next call.
  void fire(Instant now);
  std::size_t size() const { return heap_.size(); }

 private:
  friend class Timer;

  void insert(Timer& timer);
  void remove(Timer& timer);
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);
  void place(std::size_t index, Timer* timer);

  std::vector<Timer*> heap_;
  std::vector<Timer*> due_;  // of the fire() that is running; a slot is null once disarmed
};

}  // namespace runtime
