#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/wal/identity.h"
#include "server/wal/lsn.h"

namespace server::wal {

// What is wrong with WAL at some place, or missing from it, in the order in which it is looked for.
enum class FaultKind {
  kNone,
  kUnreadable,  // no file, no permission, or a read error: there is an Error as well
  kShortFile,   // the file ends before the bytes that are needed
  kMagic,       // 0 in a page that was never written
  kInfoBits,    // unknown page flags, or a long header missing or misplaced
  kSystemIdentifier,
  kSegmentSize,
  kPageSize,
  kPageAddress,  // an older one in a recycled segment
  kTimelineUnexpected,
  kTimelineOrder,
  kRecordOffset,
  kContrecordRequested,
  kRecordLength,  // 0 where no record was written yet
  kRecordTooLong,
  kRmgr,
  kPrevLink,
  kContrecordFlag,
  kContrecordLength,
  kOverwrittenLsn,
  kChecksum,
};

// Where reading stopped, and why, in the words of PostgreSQL 15 (xlogreader.c).
struct Fault {
  FaultKind kind = FaultKind::kNone;
  Lsn lsn;  // of the page for faults of a page header, else where the record begins
  std::string what;
};

// A fault before it is put into words: costs nothing where it is expected, at the end of WAL.
struct Finding {
  FaultKind kind = FaultKind::kNone;
  Lsn lsn;
  std::uint64_t found = 0;
  std::uint64_t expected = 0;
};

inline bool is_fault(const Finding& finding) { return finding.kind != FaultKind::kNone; }

// Whether a finding is what the end of WAL looks like: bytes that were never written, or that are
// still from the segment's earlier life under another name. Everything else is WAL gone wrong.
bool is_end_of_wal(const Finding& finding);

// `file` is the name of the segment file in which the finding lies. Allocates.
Fault describe(const Finding& finding, const Identity& identity, std::string_view file);

}  // namespace server::wal
