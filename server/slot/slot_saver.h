#pragma once

#include <functional>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/pool.h"
#include "runtime/timer.h"
#include "server/slot/left_slots.h"
#include "server/slot/slots.h"
#include "server/wal/xmin.h"

namespace server::slot {

// Makes durable, every kInterval, what slots have moved on; in the pool, since it writes to a disk.
// Looks at slots without a session then, too.
//   Owner: Server.  Thread: the loop's.
//   Borrows: the loop, the pool and the slots.
class SlotSaver final : private runtime::Timer::Handler {
 public:
  // As by a checkpoint. After a crash a slot is at most that old, which only keeps more WAL than is
  // needed.
  static constexpr runtime::Duration kInterval = std::chrono::seconds(10);

  // `next` is the next transaction id; invalid: not known, or no primary hears of slots.
  SlotSaver(runtime::Loop& loop, runtime::Pool& pool, Slots& slots,
            std::function<wal::TransactionId()> next);
  // The first time after kInterval.
  void start() { timer_.arm(loop_.now() + kInterval); }
  // At once, on this thread, once the loop has ended. A disk that fails is logged.
  void save_last();

 private:
  class SaveJob;

  void on_timer(runtime::Timer& timer) override;
  void on_saved(const runtime::Result<void>& saved);

  runtime::Loop& loop_;
  runtime::Pool& pool_;
  Slots& slots_;
  const std::function<wal::TransactionId()> next_;
  LeftSlots left_slots_ GUARDED_BY(loop_);
  runtime::Timer timer_;
};

}  // namespace server::slot
