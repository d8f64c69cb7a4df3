#pragma once

#include <cstdint>
#include <optional>

#include "runtime/result.h"
#include "server/wal/fault.h"
#include "server/wal/identity.h"
#include "server/wal/lsn.h"
#include "server/wal/pages.h"

namespace server::wal {

struct RangeCheck {
  // The range's end, or the begin of the first bad record: that may lie before the range.
  Lsn proven_to;
  std::optional<Fault> fault = {};
  // The pages of that record before this one were read, and say that they continue it. Invalid if
  // the fault is not in what a record holds.
  Lsn wrong_to = {};
  // The operating error that kept the range from being read.
  std::optional<runtime::Error> problem = {};
  // With kCheckTooLong: the begin of the record that the limit was met in, or the page's if no
  // other record stands before it there. Invalid if the limit was met on the way to it.
  Lsn long_record = {};
  // What the records that were proven cover, if all of the range is proven: more than the range
  // where a record or a switch's padding reaches beyond it.
  Lsn covered_begin = {};
  Lsn covered_end = {};
};

// A check that is given a limit has met it. Not for clients.
inline constexpr runtime::ErrorKind kCheckTooLong{"check_too_long", "XX000"};

// Proves every record that touches [begin, end), in full: the start of the first before `begin` and
// the rest of the last beyond `end` included. Afterwards the range is in the page cache. Where the
// WAL of `source` begins inside a record, or the file with that record's begin cannot be read, the
// record's rest is taken as it is. Blocks on files; keeps nothing, so that any thread of a pool may
// run it on a source of its own. With a limit, it gives up with the problem kCheckTooLong rather
// than ask the source for more pages than that. REQUIRES: begin <= end.
RangeCheck check_range(PageSource& source, const Identity& identity, Lsn begin, Lsn end,
                       std::optional<std::uint64_t> pages_max = std::nullopt);

}  // namespace server::wal
