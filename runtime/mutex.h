#pragma once

// A mutex that clang's analysis understands. For cold paths only: never on the way of a WAL byte,
// never held across I/O or a callback.

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "runtime/annotations.h"

namespace runtime {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class SCOPED_CAPABILITY Lock {
 public:
  explicit Lock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~Lock() RELEASE() { mutex_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Mutex& mutex_;
};

// What a thread waits for under a mutex. A wait may end for no reason, so the waiter looks again.
class Condition {
 public:
  // Gives the mutex up meanwhile.
  void wait(Mutex& mutex) REQUIRES(mutex) { condition_.wait(mutex); }
  // The same; false once the deadline is past.
  bool wait_until(Mutex& mutex, std::chrono::steady_clock::time_point deadline) REQUIRES(mutex) {
    return condition_.wait_until(mutex, deadline) == std::cv_status::no_timeout;
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace runtime
