#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "server/wal/lsn.h"

namespace server::wal {

// What is asked of a spool's past. Sizes count in whole segments, rounded down.
struct RetentionOptions {
  std::uint64_t wal_keep_bytes = 0;                    // wal_keep_size
  std::optional<std::uint64_t> slot_keep_bytes_max{};  // max_slot_wal_keep_size; none: no limit
  // Slots need WAL from here on; invalid: none. Any thread.
  std::function<Lsn()> required_lsn = {};
  // Slots that need WAL before this are to be invalidated. What required_lsn() says afterwards is
  // still heeded, so one that cannot be invalidated yet keeps its WAL. May block.
  std::function<void(Lsn)> invalidate_before = {};
  // Has required_lsn() know how far slots are by now. May block.
  std::function<void()> settle = {};
};

// The reckoning of what a spool keeps (xlog.c, KeepLogSeg):
//
//     oldest = min(current - wal_keep_size, max(what slots need, current - max_slot_wal_keep_size))
//
//   Owner: who removes segments.  Thread: the owner's.
class Retention {
 public:
  Retention(RetentionOptions options, SegmentSize segment_size)
      : options_(std::move(options)), segment_size_(segment_size) {}

  // The oldest segment that is kept when WAL ends at `end`. Blocks if slots are to be invalidated.
  SegmentNo keep_from(Lsn end) const;
  // The oldest segment that a slot needs; that of `end` if none needs an older one.
  SegmentNo needed_from(Lsn end) const;
  // The same, if it may take its time to be exact. Blocks.
  SegmentNo settled_needed_from(Lsn end) const;

 private:
  SegmentNo before(SegmentNo no, std::uint64_t bytes) const;

  const RetentionOptions options_;
  const SegmentSize segment_size_;
};

}  // namespace server::wal
