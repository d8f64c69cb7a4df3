#pragma once

// WAL that walcast itself makes, on its way into segment files.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/fd.h"
#include "runtime/result.h"
#include "server/wal/lsn.h"

namespace server::wal {

struct SegmentOutputOptions {
  std::string directory;
  TimelineId timeline{1};
  SegmentSize segment_size = {};
  bool sync = false;  // fsync a segment when it is full, and the directory when it has a new one
};

// Appends WAL to segment files, which have their full size from the start and end in zeros.
//   Owner: Generator or Writer.  Thread: the owner's; everything here blocks on the disk.
//   Invariant: the WAL before end() is in the files; a byte of theirs is written once, and files
//     are unlinked but never used again, since their pages may still be in a socket.
//   Limits: one open file.
class SegmentOutput {
 public:
  explicit SegmentOutput(SegmentOutputOptions options) : options_(std::move(options)) {}

  // Makes `end` the place where append goes on. What lies there or after it is no WAL, but what a
  // crash has left: later segments are unlinked, and the rest of the segment becomes zeros.
  // REQUIRES: no byte after `end` was ever sent to anybody by this process.
  runtime::Result<void> start(Lsn end);

  // A failure leaves end() after the last byte that was written: the caller may try the rest again.
  runtime::Result<void> append(std::span<const std::byte> wal);

  // Leaves the WAL up to `end` as the zeros it is. REQUIRES: end is end(), or the current segment's
  // end after a switch.
  runtime::Result<void> skip_to(Lsn end);

  // Unlinks the segments that hold nothing from `keep_from` on, and returns how many. The segment
  // of end() stays in any case.
  runtime::Result<std::uint64_t> remove_before(Lsn keep_from);

  Lsn end() const { return end_; }

 private:
  // The segments of the timeline in the directory, in no order. A `.partial` counts as none.
  runtime::Result<std::vector<SegmentNo>> list() const;
  runtime::Result<void> open_segment();
  runtime::Result<void> preallocate();
  runtime::Result<void> complete_segment();
  runtime::Result<void> sync_directory() const;
  runtime::Result<void> unlink_segment(SegmentNo no) const;
  SegmentNo current() const { return options_.segment_size.segment_of(end_); }
  std::string path(SegmentNo no) const;

  const SegmentOutputOptions options_;
  Lsn end_;
  SegmentNo oldest_{};      // none before it is in the directory
  runtime::UniqueFd file_;  // the segment of end_, if it is open
  std::string file_path_;
};

}  // namespace server::wal
