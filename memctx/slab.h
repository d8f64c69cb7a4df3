#pragma once

// Objects of one type that die one by one, where a context's memory otherwise dies all at once.

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "memctx/context.h"
#include "memctx/poison.h"

namespace memctx {

// Takes objects from a context and keeps the dead ones, chained, to be taken again.
//   Owner: an object in the context (`context.create<Slab<T>>(context)`), or one that dies before.
//   Thread: the context's.
//   Borrows: the context, which must not be reset while the slab lives.
//   Invariant: no object outlives the slab, unless T has no destructor to run.
//   Limits: none of its own; who creates the objects bounds their count.
template <typename T>
class Slab {
 public:
  struct Stats {
    std::size_t live_count = 0;
    std::size_t idle_count = 0;  // dead, to be reused; the context counts them as used
    bool operator==(const Stats& other) const = default;
  };

  explicit Slab(Context& context) : context_(context), reset_count_(context.reset_count()) {}
  ~Slab() {
    assert((std::is_trivially_destructible_v<T> || stats_.live_count == 0) &&
           "an object outlives its slab");
  }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // Valid until destroy.
  template <typename... Args>
  T& create(Args&&... args) {
    T& object = construct<T>(take_slot(), std::forward<Args>(args)...);
    ++stats_.live_count;
    return object;
  }

  // REQUIRES: `object` came from this slab and is alive.
  void destroy(T& object) {
    assert(stats_.live_count > 0 && !is_poisoned(&object) && "destroyed twice");
    object.~T();
    idle_ = ::new (static_cast<void*>(&object)) Slot{idle_};
    poison(idle_, sizeof(Slot));
    --stats_.live_count;
    ++stats_.idle_count;
  }

  const Stats& stats() const { return stats_; }

 private:
  union Slot {
    Slot* next;  // while idle
    alignas(T) std::byte object[sizeof(T)];
  };

  void* take_slot() {
    assert(reset_count_ == context_.reset_count() && "the slab's context was reset under it");
    if (idle_ == nullptr) return context_.allocate(sizeof(Slot), alignof(Slot));
    Slot* slot = idle_;
    unpoison(slot, sizeof(Slot));
    idle_ = slot->next;
    --stats_.idle_count;
    return slot;
  }

  Context& context_;
  Slot* idle_ = nullptr;
  Stats stats_;
  [[maybe_unused]] const std::uint32_t reset_count_;
};

}  // namespace memctx
