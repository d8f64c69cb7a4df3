#pragma once

#include <cstddef>
#include <utility>

#include "memctx/context.h"
#include "runtime/check.h"

namespace server::stream {

// The memory that the lines of one loop keep for their clients: messages that have come in part,
// and whatever is not read of what is sent. Each client can make its line keep some; this bounds
// what all of them together can.
//   Owner: the worker.  Thread: its loop's.
//   Invariant: used() is the sum of what the lines have said last.
//   Limits: bytes_max, and beyond it no more than kShareBytes a line.
class MemoryBudget {
 public:
  // A line that keeps no more than this may do so whatever the others keep, so that clients that
  // behave are not hurt: of a standby hardly anything is kept.
  static constexpr std::size_t kShareBytes = 24 * 1024;

  // What waits for memory.
  class Waiter {
   public:
    virtual ~Waiter() = default;
    // Less is used than before, though that may not be enough. It is called in the midst of
    // whatever gives the memory back, and takes none itself.
    virtual void on_memory_freed() = 0;
  };

  explicit MemoryBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // Whether a line that keeps `before` may keep `bytes`, of which it has no choice about `fixed`.
  bool allows(std::size_t before, std::size_t bytes, std::size_t fixed = 0) const {
    return bytes <= kShareBytes + fixed || bytes <= before || used_ - before + bytes <= bytes_max_;
  }
  // A line keeps `bytes`, and kept `before` when it said so last. Returns whether it may.
  bool change(std::size_t before, std::size_t bytes, std::size_t fixed = 0) {
    CHECK(used_ >= before);
    const bool allowed = allows(before, bytes, fixed);
    used_ = used_ - before + bytes;
    if (bytes < before && waiter_ != nullptr) std::exchange(waiter_, nullptr)->on_memory_freed();
    return allowed;
  }
  // Calls the waiter once, when less is used than now. REQUIRES: no other one waits.
  void await(Waiter& waiter) {
    DCHECK(waiter_ == nullptr || waiter_ == &waiter);
    waiter_ = &waiter;
  }
  void stop_waiting() { waiter_ = nullptr; }
  std::size_t bytes_max() const { return bytes_max_; }
  std::size_t used() const { return used_; }
  // Nothing is left for one more line.
  bool is_used_up() const { return used_ + kShareBytes > bytes_max_; }

 private:
  const std::size_t bytes_max_;
  std::size_t used_ = 0;
  Waiter* waiter_ = nullptr;
};

// What one line has of the budget: all that is in its memory context, what is kept beside it, and
// what a library keeps for it.
//   Owner: Line.  Thread: its loop's.  Borrows: the budget and the context.
//   Invariant: what was counted last is in the budget, until the line is closed.
class MemoryShare {
 public:
  MemoryShare(MemoryBudget& budget, const memctx::Context& context)
      : budget_(budget), context_(context) {}
  ~MemoryShare() { give_back(); }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  // Counts what the line keeps now. Returns whether it may; if not, the line has to hang up.
  bool count() {
    const std::size_t kept = with_beside(beside_);
    if (kept != counted_) allowed_ = budget_.change(std::exchange(counted_, kept), kept, outside_);
    return allowed_;
  }
  // So many bytes are kept that are in no context, as TLS needs them. They count, but are no reason
  // to hang up.
  void set_outside(std::size_t bytes) {
    if (bytes == outside_) return;
    outside_ = bytes;
    count();
  }
  // Whether the line may keep so many bytes more.
  bool has_room(std::size_t bytes) const {
    return budget_.allows(counted_, counted_ + bytes, outside_);
  }
  std::size_t counted() const { return counted_; }
  // So much is kept for the client in other memory, from the next count() on.
  void keep_beside(std::size_t bytes) { beside_ = bytes; }
  std::size_t beside() const { return beside_; }
  // Whether so much may be kept in other memory.
  bool may_keep_beside(std::size_t bytes) const {
    return budget_.allows(counted_, with_beside(bytes), outside_);
  }
  void give_back() { budget_.change(std::exchange(counted_, 0), 0); }

 private:
  std::size_t with_beside(std::size_t bytes) const {
    return context_.subtree_stats().total_bytes + bytes + outside_;
  }

  MemoryBudget& budget_;
  const memctx::Context& context_;
  std::size_t counted_ = 0;
  std::size_t outside_ = 0;
  std::size_t beside_ = 0;
  bool allowed_ = true;  // when it was counted last
};

}  // namespace server::stream
