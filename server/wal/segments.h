#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "runtime/result.h"
#include "server/wal/checker.h"
#include "server/wal/fault_log.h"
#include "server/wal/pins.h"
#include "server/wal/segment.h"
#include "server/wal/timelines.h"

namespace server::wal {

inline constexpr runtime::ErrorKind kWalRemoved{"wal_removed", "58P01"};

// What a walsender says of a segment that it does not have, and of one that ends too early.
runtime::Error segment_removed(TimelineId timeline, SegmentNo no, SegmentSize size);
runtime::Error too_short(const Segment& segment, std::uint32_t offset, std::size_t read,
                         std::size_t wanted);

// A slice of a segment that is proven and was read, so that its pages are cached.
struct PreparedSlice {
  SegmentRef segment;
  Lsn proven_to;  // the slice's end or WAL's; if stopped, where the first bad record begins
  bool stopped;
};

// The segment files of one directory, opened once for all loops, and what streams need of them.
//   Owner: Server.  Thread: pool threads prepare, the source's thread forgets; all may block.
//   Borrows: the fault log.
//   Invariant: a file that is found at a name later is never mistaken for the one opened earlier.
class Segments {
 public:
  Segments(std::string directory, const Identity& identity, FaultLog& faults)
      : directory_(std::move(directory)), identity_(identity), faults_(faults) {}

  const std::string& directory() const { return directory_; }
  const Identity& identity() const { return identity_; }
  Pins& pins() { return pins_; }

  // Opens the segment that holds `lsn` in the history of `timelines`. The errors are those that a
  // walsender gives its client (walsender.c, WalSndSegmentOpen). Blocks.
  runtime::Result<SegmentRef> open(const Timelines& timelines, Lsn lsn) EXCLUDES(mutex_);

  // Reads and checks the slice of `segment` that holds `lsn`, as far as `wal_end`. A record that is
  // wrong is logged; it ends what may be sent. The error is for a file that is too short. If the
  // segment's name belongs to another file by now, that one is returned, and nothing of it is
  // proven.
  runtime::Result<PreparedSlice> prepare(const Timelines& timelines, SegmentRef segment, Lsn lsn,
                                         Lsn wal_end) EXCLUDES(mutex_);

  // The same for a slice that the reader's walk has proven in this very file: it is read, and not
  // checked. The error is for a file that is too short.
  runtime::Result<PreparedSlice> warm(SegmentRef segment, Lsn lsn, Lsn wal_end) const;

  // Whether the file that open() would find now is still this one. One look at a name.
  bool is_current(const Segment& segment) const;

  // The file of a segment has been changed, replaced or removed.
  void forget(SegmentNo no) EXCLUDES(mutex_);

  // How often a slice's records were read and checked.
  std::uint64_t proofs_for_test() const EXCLUDES(mutex_);

 private:
  struct Range {
    Lsn begin;
    Lsn end;
  };
  static Range slice_range(const Segment& segment, Lsn lsn, Lsn wal_end);
  static runtime::Result<void> read_all(const Segment& segment, const Range& range);

  RangeCheck prove(const Timelines& timelines, const Range& range) EXCLUDES(mutex_);
  std::string path_of(const Timelines& timelines, SegmentNo no) const;
  runtime::Error open_error(runtime::Error error, TimelineId timeline, SegmentNo no) const;

  const std::string directory_;
  const Identity identity_;
  FaultLog& faults_;
  Pins pins_;
  mutable runtime::Mutex mutex_;
  std::map<SegmentNo, std::weak_ptr<Segment>> open_ GUARDED_BY(mutex_);
  std::uint64_t proofs_ GUARDED_BY(mutex_) = 0;
};

}  // namespace server::wal
