#include "server/wal/fault.h"

#include <string_view>

#include "runtime/format.h"
#include "server/wal/format.h"

namespace server::wal {

namespace {

using runtime::format;

constexpr std::string_view kForeign = "WAL file is from different database system: ";

std::string words_of_page(const Finding& f, const Identity& identity, const std::string& where) {
  switch (f.kind) {
    case FaultKind::kUnreadable:
      return format("could not read from {}", where);
    case FaultKind::kShortFile:
      return format("could not read from {}: read {} of {}", where, f.found, f.expected);
    case FaultKind::kMagic:
      return format("invalid magic number {:04X} in {}", f.found, where);
    case FaultKind::kInfoBits:
      return format("invalid info bits {:04X} in {}", f.found, where);
    case FaultKind::kSystemIdentifier:
      return format(
          "{}WAL file database system identifier is {}, pg_control database system identifier "
          "is {}",
          kForeign, f.found, identity.system_identifier);
    case FaultKind::kSegmentSize:
      return format("{}incorrect segment size in page header", kForeign);
    case FaultKind::kPageSize:
      return format("{}incorrect XLOG_BLCKSZ in page header", kForeign);
    case FaultKind::kPageAddress:
      return format("unexpected pageaddr {} in {}", Lsn(f.found), where);
    case FaultKind::kTimelineUnexpected:
      return format("unexpected timeline ID {} in {}", f.found, where);
    case FaultKind::kTimelineOrder:
      return format("out-of-sequence timeline ID {} (after {}) in {}", f.found, f.expected, where);
    default:
      UNREACHABLE();
  }
}

std::string words_of_record(const Finding& f) {
  switch (f.kind) {
    case FaultKind::kRecordOffset:
      return format("invalid record offset at {}", f.lsn);
    case FaultKind::kContrecordRequested:
      return format("contrecord is requested by {}", f.lsn);
    case FaultKind::kRecordLength:
      return format("invalid record length at {}: wanted {}, got {}", f.lsn, kRecordHeaderBytes,
                    f.found);
    case FaultKind::kRecordTooLong:
      return format("record length {} at {} too long", f.found, f.lsn);
    case FaultKind::kRmgr:
      return format("invalid resource manager ID {} at {}", f.found, f.lsn);
    case FaultKind::kPrevLink:
      return format("record with incorrect prev-link {} at {}", Lsn(f.found), f.lsn);
    case FaultKind::kContrecordFlag:
      return format("there is no contrecord flag at {}", f.lsn);
    case FaultKind::kContrecordLength:
      return format("invalid contrecord length {} (expected {}) at {}", f.found, f.expected, f.lsn);
    case FaultKind::kOverwrittenLsn:
      return format("mismatching overwritten LSN {} -> {}", Lsn(f.found), f.lsn);
    case FaultKind::kChecksum:
      return format("incorrect resource manager data checksum in record at {}", f.lsn);
    default:
      UNREACHABLE();
  }
}

}  // namespace

bool is_end_of_wal(const Finding& finding) {
  switch (finding.kind) {
    case FaultKind::kUnreadable:
    case FaultKind::kShortFile:
      return true;
    case FaultKind::kMagic:
    case FaultKind::kRecordLength:
      return finding.found == 0;
    case FaultKind::kPageAddress:
      return finding.found < finding.expected;
    default:
      return false;
  }
}

Fault describe(const Finding& finding, const Identity& identity, std::string_view file) {
  if (!is_fault(finding)) return {};
  if (finding.kind >= FaultKind::kRecordOffset) {
    return {.kind = finding.kind, .lsn = finding.lsn, .what = words_of_record(finding)};
  }
  const auto where =
      format("log segment {}, offset {}", file, identity.segment_size.offset(finding.lsn));
  return {
      .kind = finding.kind, .lsn = finding.lsn, .what = words_of_page(finding, identity, where)};
}

}  // namespace server::wal
