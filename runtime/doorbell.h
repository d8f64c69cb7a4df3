#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/clock.h"
#include "runtime/fd.h"

namespace runtime {

// Wakes a sleeping thread, and costs nothing but an atomic add while that thread is awake.
//   Owner: the sleeper, a loop or a thread that waits for one descriptor.  Thread: any thread
//   rings; the sleeper alone prepares to sleep, waits and wakes.
//   Invariant: a ring after prepare_to_sleep() returned true makes fd() readable; a ring before it
//   makes it return false. Both sides use sequentially consistent operations: the ringer's add
//   pairs with the sleeper's load, the sleeper's store with the ringer's exchange.
class Doorbell {
 public:
  Doorbell();

  // Any thread, after it has put something where the sleeper will look.
  void ring();

  // The sleeper: may it sleep? It may not if the bell has rung since the last awake().
  bool prepare_to_sleep();
  // The sleeper, before it looks into its queues. Reads fd() if a ring was written to it.
  void awake();
  // The same for a sleeper whose epoll watches fd() for edges (EPOLLET). Each write to an eventfd
  // is an edge, whether or not the one before it was read (eventfd.c, eventfd_write), so fd() stays
  // readable and is never read. A sleeper uses one of the two functions, and always the same.
  void awake_by_edge();
  // Sleeps until `fd` is ready for `events` (poll's; no descriptor: -1), the bell rings, or
  // `at_most` has passed. Returns the events of `fd`. A signal may end the sleep as well.
  short wait(int fd, short events, Duration at_most);

  // Readable when rung while the sleeper slept.
  int fd() const { return event_fd_.get(); }

 private:
  std::atomic<std::uint32_t> rings_{0};
  std::atomic<bool> asleep_{false};
  // The sleeper's.
  std::uint32_t seen_ = 0;
  bool prepared_ = false;     // to sleep, since it was awake last
  std::uint64_t unread_ = 0;  // rings that were written, or are just being; awake() reads them
  UniqueFd event_fd_;
};

}  // namespace runtime
