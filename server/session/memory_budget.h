#pragma once

#include <cstddef>

#include "runtime/check.h"

namespace server::session {

// The memory that the lines of one loop keep for their clients: messages that have come in part,
// and answers that are not read. Each client can make its line keep some; this bounds what all of
// them together can.
//   Owner: the worker.  Thread: its loop's.
//   Invariant: used() is the sum of what the lines have said last.
//   Limits: bytes_max, and beyond it no more than kShareBytes a line.
class MemoryBudget {
 public:
  // A line that keeps no more than this may do so whatever the others keep, so that clients that
  // behave are not hurt: of a standby hardly anything is kept.
  static constexpr std::size_t kShareBytes = 16 * 1024;

  explicit MemoryBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // A line keeps `bytes`, and kept `before` when it said so last. Returns whether it may.
  bool change(std::size_t before, std::size_t bytes) {
    CHECK(used_ >= before);
    used_ = used_ - before + bytes;
    return bytes <= kShareBytes || bytes <= before || used_ <= bytes_max_;
  }
  std::size_t used() const { return used_; }

 private:
  const std::size_t bytes_max_;
  std::size_t used_ = 0;
};

}  // namespace server::session
