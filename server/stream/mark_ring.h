#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "server/wal/lsn.h"

namespace server::stream {

// Positions that a standby has reached, each with the time of that, until it reports the next stage
// of them: the samples of PostgreSQL's LagTracker (walsender.c), a few of them for each stage.
//   Owner: Delivery.  Thread: the session's loop's.
//   Limits: kMarks. When it is full, the newest is overwritten: fewer positions are measured, and
//   the oldest stays, which says for how long nothing was reported.
class MarkRing {
 public:
  static constexpr std::size_t kMarks = 16;

  struct Mark {
    wal::Lsn end;
    runtime::Instant at;
  };

  // Positions come in order.
  void push(const Mark& mark) {
    if (count_ == kMarks) --count_;
    marks_[(first_ + count_++) % kMarks] = mark;
  }
  bool empty() const { return count_ == 0; }
  // REQUIRES for the next two: it is not empty.
  const Mark& oldest() const {
    DCHECK(!empty());
    return marks_[first_ % kMarks];
  }
  void pop() {
    DCHECK(!empty());
    ++first_;
    --count_;
  }
  void clear() { count_ = 0; }

 private:
  std::array<Mark, kMarks> marks_;
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace server::stream
