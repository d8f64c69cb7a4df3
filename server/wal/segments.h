#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "runtime/result.h"
#include "server/wal/checker.h"
#include "server/wal/directory.h"
#include "server/wal/fault_log.h"
#include "server/wal/file_stamps.h"
#include "server/wal/pins.h"
#include "server/wal/proofs.h"
#include "server/wal/segment.h"
#include "server/wal/timelines.h"
#include "server/wal/wrong_records.h"

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
  // Set if a short effort was not enough: the begin of the record that takes longer to prove;
  // invalid if even that was not found.
  std::optional<Lsn> long_record = {};
};

// How long a proof may take: that of a slice goes on to the begin and the end of the records that
// lie across its borders, and a record may be of 1 GB.
enum class Effort { kShort, kWhatever };

// The segment files of one directory, opened once for all loops, and what streams need of them.
//   Owner: Server.  Thread: pool threads prepare, the source's thread forgets; all may block.
//   Borrows: the fault log and the clock.
//   Invariant: a file that is found at a name later is never mistaken for the one opened earlier.
//   Only of files that were opened, and whose stamps are known, is anything known to be proven.
class Segments {
 public:
  Segments(std::string directory, const Identity& identity, FaultLog& faults,
           const runtime::Clock& clock)
      : directory_(std::move(directory)), identity_(identity), faults_(faults), clock_(clock) {}

  const std::string& directory() const { return directory_.path(); }
  const Identity& identity() const { return identity_; }
  Pins& pins() { return pins_; }

  // Opens the segment that holds `lsn` in the history of `timelines`. The errors are those that a
  // walsender gives its client (walsender.c, WalSndSegmentOpen). Blocks.
  runtime::Result<SegmentRef> open(const Timelines& timelines, Lsn lsn) EXCLUDES(mutex_);

  // Reads and checks the slice of `segment` that holds `lsn`, as far as `wal_end`. A record that is
  // wrong is logged; it ends what may be sent. A long one is not read again at each call, but when
  // its files have changed, or after a while (second_look.h). The error is for a file that is too
  // short. If the segment's name belongs to another file by now, that one is returned, and nothing
  // of it is proven; nor is anything if a short effort was not enough. A slice that is proven
  // already is only read.
  runtime::Result<PreparedSlice> prepare(const Timelines& timelines, SegmentRef segment, Lsn lsn,
                                         Lsn wal_end, Effort effort = Effort::kWhatever)
      EXCLUDES(mutex_);

  // The same for a slice that the reader's walk has proven in this very file: it is read unless it
  // is cached, and not checked. The error is for a file that is too short.
  runtime::Result<PreparedSlice> warm(SegmentRef segment, Lsn lsn, Lsn wal_end) const;

  // Whether this is the file that the source's thread has read last under that name; so are all, if
  // no source notes what it reads.
  bool was_walked(const Segment& segment) const {
    return !walked_files_noted_ || walked_files_.has(segment);
  }
  // A source whose files others may replace notes here which it has read. To be called before it
  // starts.
  FileStamps& note_walked_files() {
    walked_files_noted_ = true;
    return walked_files_;
  }

  // The segments before `before` of which a file was opened or walked that is not what it was then.
  // Blocks: it looks at each of them.
  std::vector<SegmentNo> find_changed(const Timelines& timelines, SegmentNo before);

  // Whether the file that open() would find now is still this one. One look at a name.
  bool is_current(const Segment& segment) const;

  // The file of a segment has been changed, replaced or removed.
  void forget(SegmentNo no) EXCLUDES(mutex_);

  // How often a slice's records were read and checked, and whether a whole slice is proven.
  std::uint64_t proofs_for_test() const EXCLUDES(mutex_);
  bool is_proven_for_test(const Segment& segment, std::uint32_t slice) const {
    const Lsn begin = segment.begin() + std::uint64_t{slice} * kSliceBytes;
    return proofs_.covers(segment, begin, begin + kSliceBytes);
  }

 private:
  struct Range {
    Lsn begin;
    Lsn end;
  };
  static Range slice_range(const Segment& segment, Lsn lsn, Lsn wal_end);
  static bool is_cached(const Segment& segment, const Range& range);
  static runtime::Result<void> read_all(const Segment& segment, const Range& range);

  // A proof of a slice whose records lie within a few more.
  static constexpr std::uint64_t kShortProofPages = 4 * kSliceBytes / kPageBytes;

  SegmentRef share(SegmentRef opened, bool& replaced) EXCLUDES(mutex_);
  RangeCheck check_slice(const Timelines& timelines, const Segment& segment, const Range& range,
                         Effort effort) EXCLUDES(mutex_);
  bool is_worth_reading_again(const Timelines& timelines, const WrongRecord& wrong) const;
  bool have_changed(const Timelines& timelines, const OpenedFiles& files) const;
  RangeCheck prove(const Timelines& timelines, const Range& range, Effort effort) EXCLUDES(mutex_);
  OpenedFiles of_segments(const OpenedFiles& files, Lsn begin, Lsn end) const;
  std::string path_of(const Timelines& timelines, SegmentNo no) const;
  runtime::Error open_error(runtime::Error error, TimelineId timeline, SegmentNo no) const;

  const Directory directory_;
  const Identity identity_;
  FaultLog& faults_;
  const runtime::Clock& clock_;
  Pins pins_;
  Proofs proofs_;
  WrongRecords wrong_records_;
  bool walked_files_noted_ = false;
  FileStamps walked_files_;
  FileStamps opened_files_;
  mutable runtime::Mutex mutex_;
  std::map<SegmentNo, std::weak_ptr<Segment>> open_ GUARDED_BY(mutex_);
  std::uint64_t proofs_made_ GUARDED_BY(mutex_) = 0;
};

}  // namespace server::wal
