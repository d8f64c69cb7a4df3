#pragma once

#include <readerwriterqueue/readerwriterqueue.h>

#include <atomic>
#include <cstddef>
#include <optional>
#include <thread>
#include <utility>

#include "runtime/doorbell.h"
#include "runtime/tsan.h"

namespace runtime {

// Items from one producer thread to one consumer thread. The queue is bounded and loses nothing:
// behind it is one more place, the rest, in which the producer merges what the full queue does not
// take. The consumer finds the rest when the queue is empty, so the producer has nothing to do
// later. T provides `bool merge(const T& next)`, false when the two items cannot become one.
//   Owner: the consumer's loop.  Thread: one thread pushes, one thread does all else.
//   Invariant: all that is in the queue was pushed before the rest. The producer queues nothing
//   while there is a rest, and the consumer takes the rest only from behind an empty queue.
//   Limits: items_max in the queue. Two items that do not merge while it is full let it grow.
//
// The rest is guarded by a spin lock. The consumer never spins: a lock that it finds taken is held
// by a producer that rings the doorbell afterwards. An order that the lock makes impossible:
//   1. the consumer finds the queue empty;
//   2. the producer fills the queue with A, B, C and leaves D as the rest;
//   3. the consumer takes D before A. (With the lock held it looks into the queue again: A.)
template <typename T>
class SpanQueue {
 public:
  SpanQueue(std::size_t items_max, Doorbell& doorbell) : queue_(items_max), doorbell_(doorbell) {}

  // Producer.
  void push(const T& item) {
    tsan_release(this);
    if (has_rest_.load(std::memory_order_acquire) || !queue_.try_enqueue(item)) add_to_rest(item);
    // Pairs with the exchange in listen(): either this sees that the consumer listens, or the
    // consumer, which has begun to listen after this, finds the item without being rung for.
    if (listening_.fetch_or(0, std::memory_order_acq_rel) != 0) doorbell_.ring();
  }

  // Consumer.
  bool pop(T& item) {
    if (!queue_.try_dequeue(item) && !take_rest(item)) return false;
    tsan_acquire(this);
    return true;
  }

  // Consumer. A consumer that does not listen is not rung for; what comes is merged until the
  // consumer takes it in a turn that it does for another reason. It listens from the start.
  // REQUIRES: after listen() the consumer pops all there is, before it sleeps.
  void listen() { listening_.exchange(kListens, std::memory_order_acq_rel); }
  void stop_listening() { listening_.exchange(0, std::memory_order_acq_rel); }

 private:
  static constexpr int kListens = 1;

  void add_to_rest(const T& item) {
    while (locked_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
    if (!rest_.has_value()) {
      // The consumer has taken the rest meanwhile, or there was none.
      if (!queue_.try_enqueue(item)) rest_ = item;
    } else if (!rest_->merge(item)) {
      queue_.enqueue(*std::exchange(rest_, item));
    }
    has_rest_.store(rest_.has_value(), std::memory_order_release);
    locked_.clear(std::memory_order_release);
  }

  bool take_rest(T& item) {
    if (!has_rest_.load(std::memory_order_acquire)) return false;
    if (locked_.test_and_set(std::memory_order_acquire)) return false;
    const bool queued = queue_.try_dequeue(item);
    const bool taken = !queued && rest_.has_value();
    if (taken) {
      item = *std::exchange(rest_, std::nullopt);
      has_rest_.store(false, std::memory_order_release);
    }
    locked_.clear(std::memory_order_release);
    return queued || taken;
  }

  moodycamel::ReaderWriterQueue<T> queue_;
  Doorbell& doorbell_;
  std::atomic<int> listening_{kListens};
  std::atomic_flag locked_;
  std::optional<T> rest_;  // by locked_
  std::atomic<bool> has_rest_{false};
};

}  // namespace runtime
