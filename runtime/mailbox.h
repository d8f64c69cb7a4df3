#pragma once

#include <concurrentqueue/concurrentqueue.h>

#include <cstddef>
#include <utility>

#include "runtime/doorbell.h"
#include "runtime/task.h"
#include "runtime/tsan.h"

namespace runtime {

// The only door into another thread's loop for commands: tasks, run there in the order in which
// each sender posted them.
//   Owner: the loop.  Thread: any posts; the loop's thread drains.
//   A posted lambda takes what it names by value, and its first line asserts the loop's thread.
class Mailbox {
 public:
  explicit Mailbox(Doorbell& doorbell) : doorbell_(doorbell) {}

  // Any thread. May allocate. What is posted after the loop has stopped is destroyed unrun.
  void post(Task task) {
    tsan_release(this);
    queue_.enqueue(std::move(task));
    doorbell_.ring();
  }

  // The loop's thread. Runs at most `tasks_max` and returns whether more may be waiting.
  bool drain(std::size_t tasks_max) {
    Task task;
    for (std::size_t ran = 0; ran < tasks_max; ++ran) {
      if (!queue_.try_dequeue(task)) return false;
      tsan_acquire(this);
      task();
      task = Task();
    }
    return true;
  }

 private:
  Doorbell& doorbell_;
  moodycamel::ConcurrentQueue<Task> queue_;
};

}  // namespace runtime
