#pragma once

#include <atomic>
#include <type_traits>

namespace runtime {

// A value that one thread writes and any thread reads: the latest, without waiting.
//   Owner: the writer.  Thread: one calls store(), any calls load().
//   Invariant: what the writer did before store(v) is visible to a thread that loads v (release,
//   acquire).
template <typename T>
class Published {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8, "must be one machine word");

 public:
  explicit Published(T value = {}) : value_(value) {}

  void store(T value) { value_.store(value, std::memory_order_release); }
  T load() const { return value_.load(std::memory_order_acquire); }

 private:
  std::atomic<T> value_;
};

}  // namespace runtime
