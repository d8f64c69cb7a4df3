#pragma once

#include <atomic>
#include <cstdint>

namespace runtime {

// A number that one thread adds to and any thread reads. Adding is a plain load and store, no
// locked instruction; what is read may be a moment old.
class Counter {
 public:
  void add(std::uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// A level that several threads raise and lower, such as the sessions of a worker or of the server.
class Gauge {
 public:
  // Returns the level after the change.
  std::int64_t add(std::int64_t n) { return value_.fetch_add(n, std::memory_order_acq_rel) + n; }
  std::int64_t get() const { return value_.load(std::memory_order_acquire); }

 private:
  std::atomic<std::int64_t> value_{0};
};

}  // namespace runtime
