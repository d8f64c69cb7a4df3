#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "runtime/file.h"
#include "runtime/result.h"
#include "server/wal/directory.h"
#include "server/wal/lsn.h"
#include "server/wal/retention.h"

namespace server::wal {

// Makes room in a spool for the next segment: old WAL goes that nothing keeps, and, where the file
// system has less than is to stay free, WAL that only wal_keep_size keeps.
//   Owner: Writer.  Thread: the owner's; blocks on files and on holders.
//   Invariant: no segment goes that is held, and neither the segment that is written next nor the
//   one before it goes for want of space.
class SpoolRoom {
 public:
  struct Options {
    RetentionOptions retention = {};
    // So much of the file system is left free behind a new segment, for which old WAL makes room;
    // 0: old WAL stays.
    std::uint64_t free_bytes_min = 0;
    std::function<runtime::Result<std::uint64_t>(const std::string&)> free_bytes =
        runtime::free_bytes;
    // Segments before this one are about to be removed; they stay if it fails.
    std::function<runtime::Result<void>(SegmentNo)> before_removal =
        [](SegmentNo) -> runtime::Result<void> { return {}; };
    // A segment was removed. An open descriptor of it still keeps its room.
    std::function<void(SegmentNo)> on_removed = [](SegmentNo) {};
  };

  SpoolRoom(Options options, Directory directory, SegmentSize segment_size)
      : options_(std::move(options)),
        directory_(std::move(directory)),
        segment_size_(segment_size),
        retention_(options_.retention, segment_size) {}

  // Before the segment that begins at `end` is made. It is a full disk if there is no room for it
  // and no segment may go; that may change.
  runtime::Result<void> make_for_segment_at(Lsn end);
  // When the file system was full all the same. Returns whether a segment went for the WAL at
  // `end`.
  runtime::Result<bool> make_at_once(Lsn end);

 private:
  runtime::Result<void> remove_old_segments(Lsn end);
  runtime::Result<void> remove_before(SegmentNo keep_from);
  runtime::Result<void> keep_space_free(Lsn end);
  runtime::Result<bool> give_up_oldest_segment(Lsn end);

  const Options options_;
  const Directory directory_;
  const SegmentSize segment_size_;
  const Retention retention_;
  SegmentNo removed_before_{};
  // Segments before this one went for want of space, which wal_keep_size would have kept.
  std::optional<SegmentNo> gave_up_before_;
};

}  // namespace server::wal
