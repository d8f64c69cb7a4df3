#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "server/slot/slot.h"
#include "server/wal/xmin.h"

namespace server::slot {

// Warns of slots that no session uses and that hold an xmin: as long as they do, the primary cannot
// remove dead rows, and nothing there says that it is for a standby which has gone. PostgreSQL
// shows such a slot in a view of the server that has it, which here the primary is not. An xmin
// that the primary would ignore holds nothing back.
//   Owner: Server.  Thread: main's.
//   Limits: one entry for each such slot; one warning for it after kLeftFor, and then one in each
//   kRepeat.
class LeftSlots {
 public:
  // A standby that restarts is back by then.
  static constexpr runtime::Duration kLeftFor = std::chrono::minutes(1);
  static constexpr runtime::Duration kRepeat = std::chrono::hours(1);

  // `next`: the next transaction id, from which the age of an xmin counts; invalid: not known.
  void look(const std::vector<SlotInfo>& slots, wal::TransactionId next, runtime::Instant now);

 private:
  struct Left {
    runtime::Instant since;
    runtime::Instant warn_at;
  };
  void warn(const SlotInfo& slot, wal::TransactionId next, runtime::Duration left) const;

  std::map<std::string, Left> left_;  // by the slot's name
};

}  // namespace server::slot
