#pragma once

#include <cstdint>
#include <optional>

#include "server/slot/slot.h"
#include "server/stats/snapshot.h"
#include "server/wal/lsn.h"

namespace server::stats {

// What decides about the WAL of slots. Sizes count in whole segments, rounded down.
struct SlotRules {
  wal::SegmentSize segment_size;
  std::uint64_t wal_keep_bytes = 0;
  std::optional<std::uint64_t> slot_keep_bytes_max;  // max_slot_wal_keep_size; none: no limit
};

// The slot's row, where WAL ends at `end` and the oldest segment begins at `oldest`; invalid
// positions are unknown. wal_keep_size takes the place that max_wal_size has in PostgreSQL's rules
// (xlog.c, GetWALAvailability; slotfuncs.c, pg_get_replication_slots).
SlotStatus status_of(const slot::SlotInfo& slot, const SlotRules& rules, wal::Lsn oldest,
                     wal::Lsn end);

}  // namespace server::stats
