#include "server/wal/checker.h"

#include <algorithm>

#include "runtime/check.h"
#include "server/wal/format.h"
#include "server/wal/record_reader.h"

namespace server::wal {

namespace {

// The padding of a switch has no records, so the reader skips it; it is sent all the same.
void warm_padding(PageSource& source, const Record& record, Lsn end) {
  if (!is_switch(record.rmid, record.info)) return;
  const Lsn last = std::min(record.end, end);
  for (Lsn page = record.begin.page_start(); page < last; page += kPageBytes) source.page(page);
}

// Whether the record that `begin` lies in cannot be had, because its file has been removed, cut
// off, locked or replaced by another cluster's: then its rest is taken as it is, as at the begin of
// all WAL.
bool begins_out_of_reach(const RecordReader& reader, Lsn begin) {
  const Fault fault = reader.fault();
  return fault.lsn < begin &&
         (fault.kind == FaultKind::kUnreadable || fault.kind == FaultKind::kShortFile ||
          fault.kind == FaultKind::kSystemIdentifier);
}

RangeCheck failed(const RecordReader& reader, Lsn proven_to) {
  return {.proven_to = proven_to, .fault = reader.fault(), .problem = reader.problem()};
}

}  // namespace

RangeCheck check_range(PageSource& source, const Identity& identity, Lsn begin, Lsn end) {
  CHECK(begin <= end);
  RecordReader reader(source, identity);
  if (begin == end) return {.proven_to = end};
  Outcome found = reader.seek_covering(begin);
  if (found != Outcome::kRecord && begins_out_of_reach(reader, begin)) {
    found = reader.seek_first(begin);
  }
  if (found != Outcome::kRecord) return failed(reader, std::min(reader.position(), begin));
  while (reader.position() < end) {
    if (reader.next() != Outcome::kRecord) return failed(reader, std::min(reader.position(), end));
    warm_padding(source, reader.record(), end);
  }
  return {.proven_to = end};
}

}  // namespace server::wal
