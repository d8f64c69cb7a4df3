#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "server/wal/segment.h"

namespace server::wal {

// What the files of some segments were like when they were read, so that a file that was changed
// or replaced unseen can be told.
//   Owner: Segments.  Thread: any.
//   Limits: kFilesMax files; those of the oldest segments go first, and count as not known.
class FileStamps {
 public:
  static constexpr std::size_t kFilesMax = 64 * 1024;

  void note(SegmentNo no, const FileStamp& stamp) EXCLUDES(mutex_);
  // The same, unless the very file is known, with what it was like earlier. Returns the segment
  // that is not known any more because of it.
  std::optional<SegmentNo> note_new(SegmentNo no, const FileStamp& stamp) EXCLUDES(mutex_);
  void forget(SegmentNo no) EXCLUDES(mutex_);

  // Whether this is the file that was noted last for its segment.
  bool has(const Segment& segment) const EXCLUDES(mutex_);
  // A copy, for a caller that looks at all of the files.
  std::map<SegmentNo, FileStamp> all() const EXCLUDES(mutex_);

 private:
  mutable runtime::Mutex mutex_;
  std::map<SegmentNo, FileStamp> stamps_ GUARDED_BY(mutex_);
};

}  // namespace server::wal
