#pragma once

#include <cstdint>

#include "server/wal/lsn.h"

namespace server::wal {

// Which cluster a WAL stream belongs to, as the long header of every segment says
// (XLogLongPageHeaderData, src/include/access/xlog_internal.h).
struct Identity {
  std::uint64_t system_identifier = 0;
  SegmentSize segment_size;
  std::uint16_t page_magic = 0;  // names the major version; see format.h

  friend bool operator==(const Identity&, const Identity&) = default;
};

}  // namespace server::wal
