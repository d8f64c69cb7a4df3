#pragma once

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
  // The operating error that kept the range from being read.
  std::optional<runtime::Error> problem = {};
};

// Proves every record that touches [begin, end), in full: the start of the first before `begin` and
// the rest of the last beyond `end` included. Afterwards the range is in the page cache. Where the
// WAL of `source` begins inside a record, or the file with that record's begin cannot be read, the
// record's rest is taken as it is. Blocks on files; keeps nothing, so that any thread of a pool may
// run it on a source of its own. REQUIRES: begin <= end.
RangeCheck check_range(PageSource& source, const Identity& identity, Lsn begin, Lsn end);

}  // namespace server::wal
