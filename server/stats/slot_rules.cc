#include "server/stats/slot_rules.h"

#include <algorithm>

namespace server::stats {

namespace {

// Segments are counted since LSN 0.
std::uint64_t less(std::uint64_t segment, std::uint64_t segments) {
  return segment - std::min(segment, segments);
}

struct Keeping {
  std::uint64_t target;                   // the segment that the slot needs first
  std::uint64_t current;                  // the segment of the end of WAL
  std::uint64_t by_size;                  // that wal_keep_size keeps
  std::optional<std::uint64_t> by_slots;  // that slots may keep at most, or wal_keep_size if more
};

WalStatus wal_status(const Keeping& keeping, wal::Lsn oldest, wal::SegmentSize size) {
  if (oldest.valid() && keeping.target < value(size.segment_of(oldest))) return WalStatus::kLost;
  if (keeping.target >= less(keeping.current, keeping.by_size)) return WalStatus::kReserved;
  if (!keeping.by_slots || keeping.target >= less(keeping.current, *keeping.by_slots)) {
    return WalStatus::kExtended;
  }
  return WalStatus::kUnreserved;
}

}  // namespace

SlotStatus status_of(const slot::SlotInfo& slot, const SlotRules& rules, wal::Lsn oldest,
                     wal::Lsn end) {
  SlotStatus status{slot};
  if (!slot.restart_lsn.valid() || !end.valid()) return status;
  const std::uint64_t bytes = rules.segment_size.bytes();
  Keeping keeping{.target = value(rules.segment_size.segment_of(slot.restart_lsn)),
                  .current = value(rules.segment_size.segment_of(end)),
                  .by_size = rules.wal_keep_bytes / bytes,
                  .by_slots = std::nullopt};
  if (rules.slot_keep_bytes_max.has_value()) {
    keeping.by_slots = std::max(*rules.slot_keep_bytes_max / bytes, keeping.by_size);
    const std::uint64_t fails_at = (keeping.target + *keeping.by_slots + 1) * bytes;
    status.safe_wal_bytes = static_cast<std::int64_t>(fails_at - end.value());
  }
  status.wal_status = wal_status(keeping, oldest, rules.segment_size);
  status.retained_bytes = slot.restart_lsn < end ? end - slot.restart_lsn : 0;
  return status;
}

}  // namespace server::stats
