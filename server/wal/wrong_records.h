#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "server/wal/fault.h"
#include "server/wal/pages.h"
#include "server/wal/second_look.h"

namespace server::wal {

// A record that was read, and found wrong.
struct WrongRecord {
  Lsn begin;  // what lies before was proven up to here, where the record before it ends
  // A proof of what lies before this was led to it: by its pages, which say that they continue it,
  // or, behind a page that does not, by the length that it says it has.
  Lsn read_to;
  Fault fault;
  OpenedFiles files;  // those that were read of it, and of what lies before that
  SecondLook again;   // when to read it again
};

// The records that were found wrong when a standby asked for them, so that each of their slices,
// and each loop, is told of the same fault without reading them again.
//   Owner: Segments.  Thread: those of the pool, and the source's, which forgets.
//   Limits: kRecordsMax records, of which the oldest WAL goes first.
class WrongRecords {
 public:
  static constexpr std::size_t kRecordsMax = 64;

  // To be called before a record's first byte is read; add() wants to know when that was.
  std::uint64_t begin() const EXCLUDES(mutex_);
  // No effect if any file has changed since, or if the record is read again quickly.
  void add(std::uint64_t begun, WrongRecord record) EXCLUDES(mutex_);

  // The record that keeps all of [begin, end) from being proven; none if none is known.
  std::optional<WrongRecord> find(Lsn begin, Lsn end) const EXCLUDES(mutex_);

  // The file of this segment has other bytes than before, or may have.
  void forget(SegmentNo no) EXCLUDES(mutex_);

 private:
  mutable runtime::Mutex mutex_;
  std::map<Lsn, WrongRecord> records_ GUARDED_BY(mutex_);  // by their begins
  std::uint64_t forgotten_ GUARDED_BY(mutex_) = 0;         // so often was forget() called
};

}  // namespace server::wal
