#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "runtime/check.h"
#include "server/wal/holds.h"
#include "server/wal/lsn.h"

namespace server::wal {

// How much old WAL a spool is to keep. Sizes count in whole segments, rounded down.
struct RetentionOptions {
  std::uint64_t wal_keep_bytes = 0;                    // wal_keep_size
  std::optional<std::uint64_t> slot_keep_bytes_max{};  // max_slot_wal_keep_size; none: no limit
  Holds* holds = nullptr;                              // what keeps WAL besides wal_keep_size
};

// Computes what a spool keeps (xlog.c, KeepLogSeg):
//
//     oldest = min(current - wal_keep_size, max(what is held, current - max_slot_wal_keep_size))
//
// A hold that reaches further back than max_slot_wal_keep_size is told to go. If it cannot go yet,
// its WAL is kept in spite of the limit.
//   Owner: the object that removes segments.  Thread: the owner's.
//   Borrows: the holds. REQUIRES: there are some.
class Retention {
 public:
  Retention(RetentionOptions options, SegmentSize segment_size)
      : options_(options), segment_size_(segment_size) {
    CHECK(options_.holds != nullptr);
  }

  // The oldest segment that is kept when WAL ends at `end`. Blocks if holds exceed their limit.
  SegmentNo keep_from(Lsn end) const;
  // Whether nothing but wal_keep_size keeps the segment. A segment that seems to be held is asked
  // for a second time, when the holders have settled, which blocks.
  bool may_give_up(SegmentNo no, Lsn end) const;

 private:
  // The oldest segment that is held; that of `end` if none before it is.
  SegmentNo held_from(Lsn end) const;
  SegmentNo before(SegmentNo no, std::uint64_t bytes) const;

  const RetentionOptions options_;
  const SegmentSize segment_size_;
};

}  // namespace server::wal
