#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "runtime/result.h"
#include "server/wal/directory.h"
#include "server/wal/lsn.h"
#include "server/wal/output_file.h"

namespace server::wal {

// What makes durable what a SegmentOutput writes. kOutput: the output itself, each segment when it
// is full, and the directory when it has a new name. kTaker: the caller of take_unsynced().
enum class SyncedBy { kNobody, kOutput, kTaker };

// What becomes of what a start finds behind the end of WAL. kUnlinked: it goes, because it is still
// to be had where it came from. kSetAside: it is kept beside the WAL (set_aside.h). What is to be
// kept stays so, whatever a later start() asks for.
enum class Leftover { kUnlinked, kSetAside };

struct SegmentOutputOptions {
  std::string directory;
  TimelineId timeline{1};
  SegmentSize segment_size = {};
  SyncedBy synced_by = SyncedBy::kNobody;
};

// WAL that walcast itself stores, on its way into segment files. These have their full size from
// the start and end in zeros.
//   Owner: Generator or Writer.  Thread: the owner's; everything here blocks on the disk.
//   Invariant: the WAL before end() is in the files; a byte of theirs is written once, and files
//     are unlinked but never used again, since their pages may still be in a socket.
//   Invariant: what was written and is in no sync's charge is in take_unsynced(), by the descriptor
//     that wrote it.
//   Limits: one open file, and those of take_unsynced().
class SegmentOutput {
 public:
  explicit SegmentOutput(SegmentOutputOptions options)
      : options_(std::move(options)), directory_(options_.directory) {}

  // Makes `end` the place where append goes on. What lies there or after it is no WAL, but what a
  // crash has left: later segments go, the newest first, so that power that is lost between two
  // leaves no gap; and the rest of the segment becomes zeros. What a failure has left of that is
  // done by the next append, before anything is written.
  // REQUIRES: this process never sent a byte after `end` to any standby.
  runtime::Result<void> start(Lsn end, Leftover leftover = Leftover::kUnlinked);

  // A failure leaves end() after the last byte that was written: the caller may try the rest again.
  runtime::Result<void> append(std::span<const std::byte> wal);

  // Leaves the WAL up to `end` as the zeros it is. REQUIRES: end is end(), or the current segment's
  // end after a switch.
  runtime::Result<void> skip_to(Lsn end);

  // Unlinks the segments that hold nothing from `keep_from` on, and returns how many. The segment
  // of end() stays in any case.
  runtime::Result<std::uint64_t> remove_before(Lsn keep_from);

  // What was written since the last call, for the caller to sync. REQUIRES: SyncedBy::kTaker.
  UnsyncedFiles take_unsynced();

  Lsn end() const { return end_; }

 private:
  runtime::Result<void> clear();
  runtime::Result<void> clear_behind_end(Leftover leftover);
  runtime::Result<void> open_segment();
  runtime::Result<OutputFileRef> open_current() const;
  runtime::Result<void> prepare(const OutputFile& file, std::uint32_t offset) const;
  runtime::Result<void> complete_segment();
  void note_unsynced();
  SegmentNo current() const { return options_.segment_size.segment_of(end_); }
  runtime::Result<void> unlink_segment(SegmentNo no) const {
    return directory_.remove_segment(options_.timeline, no, options_.segment_size);
  }

  const SegmentOutputOptions options_;
  const Directory directory_;
  Lsn end_;
  std::optional<Leftover> uncleared_;  // what lies behind end_ is still to go
  SegmentNo oldest_{};                 // none before it is in the directory
  OutputFileRef file_;                 // the segment of end_, if it is open
  UnsyncedFiles unsynced_;
};

}  // namespace server::wal
