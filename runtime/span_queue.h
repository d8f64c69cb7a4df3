#pragma once

#include <readerwriterqueue/readerwriterqueue.h>

#include <cstddef>
#include <optional>
#include <utility>

#include "runtime/doorbell.h"
#include "runtime/tsan.h"

namespace runtime {

// Items from one producer thread to one consumer thread, without locks. It is bounded, and never
// blocks or drops: while it is full the producer merges what it has into one waiting item.
// T provides `bool merge(const T& next)`, false when the two cannot become one.
//   Owner: the consumer's loop.  Thread: one pushes, one pops.
template <typename T>
class SpanQueue {
 public:
  SpanQueue(std::size_t items_max, Doorbell& doorbell) : queue_(items_max), doorbell_(doorbell) {}

  // Producer. Returns false when the item was kept back; flush() must then be called again soon.
  [[nodiscard]] bool push(const T& item) {
    tsan_release(this);
    if (waiting_.has_value() && !flush()) {
      if (waiting_->merge(item)) return false;
      // Two that do not merge while the queue is full: grow it rather than lose one.
      queue_.enqueue(*std::exchange(waiting_, item));
      doorbell_.ring();
      return false;
    }
    if (!queue_.try_enqueue(item)) {
      waiting_ = item;
      return false;
    }
    doorbell_.ring();
    return true;
  }

  // Producer. Sends the item that was kept back, if there is room by now.
  [[nodiscard]] bool flush() {
    if (!waiting_.has_value()) return true;
    if (!queue_.try_enqueue(*waiting_)) return false;
    waiting_.reset();
    doorbell_.ring();
    return true;
  }

  // Consumer.
  bool pop(T& item) {
    if (!queue_.try_dequeue(item)) return false;
    tsan_acquire(this);
    return true;
  }

 private:
  moodycamel::ReaderWriterQueue<T> queue_;
  Doorbell& doorbell_;
  std::optional<T> waiting_;
};

}  // namespace runtime
