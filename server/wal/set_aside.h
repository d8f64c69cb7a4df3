#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/result.h"
#include "server/wal/directory.h"
#include "server/wal/lsn.h"
#include "server/wal/timeline.h"

namespace server::wal {

// What a start finds in a spool behind the end of its valid WAL, for an operator who misses it. It
// may be only what a crash has torn, and it may be WAL behind a bit that the disk has lost.
//
//     set_aside/000000010000000000000007.00000000   a whole segment
//     set_aside/000000010000000000000006.00A01F20   a segment's bytes from that offset on
//     set_aside/000000010000000000000006.00A01F20.2 what a later start has found there
//
//   Owner: each object that works in the spool; a value.  Thread: any. Blocks.
//   Limits: kFilesMax files; the one that was written the longest ago goes first, whatever its
//   timeline: what a start has just set aside may be of an earlier one than all the others.
class SetAside {
 public:
  static constexpr std::string_view kFolder = "set_aside";
  static constexpr std::size_t kFilesMax = 64;

  explicit SetAside(std::string spool) : spool_(std::move(spool)), folder_(spool_.path()) {
    folder_ += '/';
    folder_ += kFolder;
  }

  // Moves a segment file out of the spool. Not durable before sync(). A file that is missing counts
  // as moved.
  runtime::Result<void> take_segment(TimelineId timeline, SegmentNo no, SegmentSize size) const;
  // Copies what a segment file has from `offset` on, but for the zeros that it ends in, durably. If
  // these are all, or an earlier start has copied the very same, there is nothing to copy.
  runtime::Result<void> take_rest(TimelineId timeline, SegmentNo no, SegmentSize size,
                                  std::uint32_t offset) const;
  // Brings what was moved to the disk, and unlinks what exceeds the limit.
  runtime::Result<void> sync() const;

  // The WAL of this history before `keep_from` has been received again: unlinks what is of it. What
  // is of a segment that the history has on another timeline stays, since it came from no primary
  // of this history.
  runtime::Result<void> remove_before(SegmentNo keep_from, const TimelineHistory& history,
                                      SegmentSize size) const;

 private:
  std::string path_of(const std::string& segment, std::uint32_t offset, int found) const;

  Directory spool_;
  std::string folder_;
};

}  // namespace server::wal
