#include "server/slot/left_slots.h"

#include <algorithm>
#include <utility>

#include "runtime/log.h"
#include "server/wal/next_xid.h"

namespace server::slot {

void LeftSlots::look(const std::vector<SlotInfo>& slots, wal::TransactionId next,
                     runtime::Instant now) {
  std::map<std::string, Left> left;
  for (const SlotInfo& slot : slots) {
    const bool holds_back = slot.xmin != wal::Xmin{} && wal::is_in_recent_past(slot.xmin, {next});
    if (slot.active_pid != 0 || !holds_back) continue;
    const auto known = left_.find(slot.name);
    Left entry = known != left_.end() ? known->second : Left{now, now + kLeftFor};
    if (now >= entry.warn_at) {
      warn(slot, next, now - entry.since);
      entry.warn_at = now + kRepeat;
    }
    left.emplace(slot.name, entry);
  }
  left_ = std::move(left);
}

void LeftSlots::warn(const SlotInfo& slot, wal::TransactionId next, runtime::Duration left) const {
  const std::uint64_t oldest = slot.xmin.data == 0 ? slot.xmin.catalog
                               : slot.xmin.catalog == 0
                                   ? slot.xmin.data
                                   : std::min(slot.xmin.data, slot.xmin.catalog);
  const auto id = static_cast<wal::TransactionId>(oldest);
  const bool aged = next != wal::kInvalidTransactionId && wal::follows_or_equals(next, id);
  runtime::log::warning(
      "replication slot \"{}\" has not been used for {} s and holds back xmin {}, which is {} "
      "transactions old: the primary cannot remove rows that were deleted since. If its standby "
      "does not come back, drop the slot.",
      slot.name, std::chrono::duration_cast<std::chrono::seconds>(left).count(), id,
      aged ? next - id : 0);
}

}  // namespace server::slot
