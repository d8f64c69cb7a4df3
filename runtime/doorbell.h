#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/fd.h"

namespace runtime {

// Wakes a sleeping loop, and costs nothing but an atomic add while the loop is awake.
//   Owner: the loop.  Thread: any rings; the loop's thread alone prepares to sleep and wakes.
//   Invariant: a ring after prepare_to_sleep() returned true makes fd() readable; a ring before it
//   makes it return false. Both sides use sequentially consistent operations: the ringer's add
//   pairs with the sleeper's load, the sleeper's store with the ringer's exchange.
class Doorbell {
 public:
  Doorbell();

  // Any thread, after it has put something where the loop will look.
  void ring();

  // The loop's thread: may it sleep, or has somebody rung since the last look?
  bool prepare_to_sleep();
  // The loop's thread, before it looks into its queues.
  void awake();

  // Readable when rung while asleep.
  int fd() const { return event_fd_.get(); }

 private:
  std::atomic<std::uint32_t> rings_{0};
  std::atomic<bool> asleep_{false};
  std::uint32_t seen_ = 0;
  UniqueFd event_fd_;
};

}  // namespace runtime
