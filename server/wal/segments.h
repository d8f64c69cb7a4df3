#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "runtime/result.h"
#include "server/wal/directory.h"
#include "server/wal/fault_log.h"
#include "server/wal/pins.h"
#include "server/wal/segment.h"
#include "server/wal/timelines.h"

namespace server::wal {

inline constexpr runtime::ErrorKind kWalRemoved{"wal_removed", "58P01"};
inline constexpr runtime::ErrorKind kWalTruncated{"data_corrupted", "XX001"};

// What a walsender says of a segment that it does not have.
runtime::Error segment_removed(TimelineId timeline, SegmentNo no, SegmentSize size);

// A slice of a segment that has been read, so that its pages are cached, and checked.
struct PreparedSlice {
  SegmentRef segment;
  Lsn proven_to;  // the slice's end or WAL's; if stopped, where the first bad record begins
  bool stopped;
};

// The segment files of one directory, opened once for all loops.
//   Owner: Server.  Thread: pool threads prepare, the reader's thread forgets; all may block.
//   Invariant: a file that is found at a name later is never mistaken for the one opened earlier.
class Segments {
 public:
  Segments(std::string directory, const Identity& identity, FaultLog& faults)
      : directory_(std::move(directory)), identity_(identity), faults_(faults) {}

  const std::string& directory() const { return directory_.path(); }
  const Identity& identity() const { return identity_; }
  Pins& pins() { return pins_; }

  // Opens the segment that holds `lsn` in the history of `timelines`. The errors are those that a
  // walsender gives its client (walsender.c, WalSndSegmentOpen).
  runtime::Result<SegmentRef> open(const Timelines& timelines, Lsn lsn) EXCLUDES(mutex_);

  // Reads and checks the slice of `segment` that holds `lsn`, as far as `wal_end`. A record that is
  // wrong is logged; it ends what may be sent. The error is for a file that is too short. If the
  // segment's name belongs to another file by now, that one is returned, and nothing of it is
  // proven.
  runtime::Result<PreparedSlice> prepare(const Timelines& timelines, SegmentRef segment, Lsn lsn,
                                         Lsn wal_end) EXCLUDES(mutex_);

  // Whether the file that open() would find now is still this one. One look at a name.
  bool is_current(const Segment& segment) const;

  // The file of a segment has been changed, replaced or removed.
  void forget(SegmentNo no) EXCLUDES(mutex_);

 private:
  std::string path_of(const Timelines& timelines, SegmentNo no) const;
  runtime::Error open_error(runtime::Error error, TimelineId timeline, SegmentNo no) const;

  const Directory directory_;
  const Identity identity_;
  FaultLog& faults_;
  Pins pins_;
  runtime::Mutex mutex_;
  std::map<SegmentNo, std::weak_ptr<Segment>> open_ GUARDED_BY(mutex_);
};

}  // namespace server::wal
