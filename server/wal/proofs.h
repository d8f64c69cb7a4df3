#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "server/wal/format.h"
#include "server/wal/segment.h"

namespace server::wal {

// The files that a proof has read, by their segments.
using ReadFiles = std::map<SegmentNo, FileId>;

// Which WAL has been proven when a standby asked for it, for all loops. A proof is of whole
// records, so that one of a record of many slices is the proof of each of them:
//
//   slice          0           1           2           3
//   records   | a | b | c                      | d |  e ...
//   proof of slice 1:  [------- c -------------]           slices 1 and a part of 2 are proven;
//   proof of slice 2:  [------- c -------------][d][e...]  it takes the place of the one above
//
//   Owner: Segments.  Thread: those of the pool, and the source's, which forgets.
//   Invariant: no range contains another, so that their ends are in the order of their begins. If a
//   file changes, all ranges go that have read a byte of it, wherever else they reach.
//   Limits: kRangesMax ranges, of which the oldest proofs go first; kForgottenMax segments that
//   have changed while proofs of them may run.
class Proofs {
 public:
  static constexpr std::size_t kRangesMax = 16 * 1024;
  static constexpr std::size_t kForgottenMax = 4096;

  // To be called before a proof reads its first byte; add() wants to know when that was.
  std::uint64_t begin() const EXCLUDES(mutex_);
  // [begin, end) was proven in these files. No effect if one of them has changed since the proof
  // began. REQUIRES: `files` has every segment of the range.
  void add(std::uint64_t begun, Lsn begin, Lsn end, const ReadFiles& files) EXCLUDES(mutex_);

  // Whether all of [begin, end) is proven in this very file. REQUIRES: it lies in the segment.
  bool covers(const Segment& segment, Lsn begin, Lsn end) const EXCLUDES(mutex_);

  // The file of this segment has other bytes than before, or may have.
  void forget(SegmentNo no, SegmentSize size) EXCLUDES(mutex_);

  std::size_t ranges_for_test() const EXCLUDES(mutex_);

 private:
  struct Range {
    Lsn end;
    std::uint64_t added;  // by clock_
    SegmentNo first;      // of `files`, which are those of consecutive segments
    std::vector<FileId> files;
    const FileId* file(SegmentNo no) const;
  };
  using Ranges = std::map<Lsn, Range>;  // by their begins

  bool was_forgotten(const ReadFiles& files, std::uint64_t begun) const REQUIRES(mutex_);
  Ranges::iterator first_beyond(Lsn lsn) REQUIRES(mutex_);
  Ranges::iterator erase(Ranges::iterator range) REQUIRES(mutex_);

  mutable runtime::Mutex mutex_;
  Ranges ranges_ GUARDED_BY(mutex_);
  std::map<std::uint64_t, Lsn> by_age_ GUARDED_BY(mutex_);           // the begins, by `added`
  std::uint64_t clock_ GUARDED_BY(mutex_) = 0;                       // counts what happens here
  std::map<SegmentNo, std::uint64_t> forgotten_ GUARDED_BY(mutex_);  // when that was
  std::uint64_t forgotten_all_ GUARDED_BY(mutex_) = 0;               // so did every segment
};

}  // namespace server::wal
