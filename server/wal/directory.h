#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/fd.h"
#include "runtime/result.h"
#include "server/wal/lsn.h"
#include "server/wal/names.h"
#include "server/wal/timelines.h"

namespace server::wal {

// No history file that PostgreSQL writes is near this size; a larger one is an error.
inline constexpr std::size_t kHistoryBytesMax = 1 << 20;

// A segment, or its .partial if there is no segment: what pg_receivewal is still writing, or what a
// promotion cut off. Blocks.
runtime::Result<runtime::UniqueFd> open_segment_file(const std::string& path);

// A directory of WAL: the paths of its files, which segments and histories it has, and the removal
// of old segments. It is the only place that puts a file's path together or lists such a directory.
//   Owner: each object that works in the directory; a value.  Thread: any. All but the paths
//   blocks. Invariant: it holds a path and nothing else, so what it answers is what the disk has
//   now.
class Directory {
 public:
  // A whole segment file, of whatever timeline.
  struct SegmentFile {
    TimelineId timeline{};
    SegmentNo no{};

    friend bool operator==(const SegmentFile&, const SegmentFile&) = default;
  };

  // Not explicit: a place that has a directory's path has the directory.
  Directory(std::string path) : path_(std::move(path)) {}  // NOLINT(google-explicit-constructor)

  const std::string& path() const { return path_; }
  std::string path_of(const FileName& name) const;
  std::string segment_path(TimelineId timeline, SegmentNo no, SegmentSize size) const;
  std::string history_path(TimelineId timeline) const;

  // What has a name of WAL: segments, .partial files and histories, in no order.
  runtime::Result<std::vector<FileName>> list() const;
  // The segments, in no order. A .partial is none.
  runtime::Result<std::vector<SegmentFile>> segments(SegmentSize size) const;
  // The oldest segment of whatever timeline; none if the directory has no segment.
  runtime::Result<std::optional<SegmentNo>> oldest_segment(SegmentSize size) const;

  // Unlinks the segments before `keep_from`, of whatever timeline, oldest first, and says which as
  // they go, so that a failure leaves no gap and none unsaid. The unlinking is not made durable:
  // what a crash brings back is only older WAL, and goes the next time.
  runtime::Result<void> remove_segments_before(
      SegmentNo keep_from, SegmentSize size,
      const std::function<void(SegmentNo)>& on_removed) const;
  // Not durable either. A segment that is missing counts as removed.
  runtime::Result<void> remove_segment(TimelineId timeline, SegmentNo no, SegmentSize size) const;

  // The text of a timeline's history file; none if the directory has no such file. A file that
  // cannot be read is an error, since a timeline without a history looks like one without parents.
  runtime::Result<std::optional<std::string>> read_history(TimelineId timeline) const;
  // Every history file, by the timeline that it is named for.
  runtime::Result<HistoryFiles> read_histories() const;

  // Brings every file of WAL, and the names of all of them, to the disk.
  runtime::Result<void> sync() const;

 private:
  std::string path_;
};

}  // namespace server::wal
