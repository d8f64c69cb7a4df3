#include "server/slot/slot_saver.h"

#include <memory>
#include <utility>

#include "runtime/log.h"

namespace server::slot {

namespace {

// The disk has failed a write of slots; they keep their WAL then.
void log_failure(const runtime::Result<void>& saved) {
  if (!saved) runtime::log::error("{}", saved.error().what);
}

}  // namespace

class SlotSaver::SaveJob final : public runtime::Job {
 public:
  explicit SaveJob(SlotSaver& saver) : saver_(saver) {}
  void work() override { saved_ = saver_.slots_.save_dirty(); }
  void done() override { saver_.on_saved(saved_); }

 private:
  SlotSaver& saver_;
  runtime::Result<void> saved_;
};

SlotSaver::SlotSaver(runtime::Loop& loop, runtime::Pool& pool, Slots& slots,
                     std::function<wal::TransactionId()> next)
    : loop_(loop),
      pool_(pool),
      slots_(slots),
      next_(std::move(next)),
      timer_(loop.timers(), *this) {}

void SlotSaver::save_last() { log_failure(slots_.save_dirty()); }

void SlotSaver::on_timer(runtime::Timer& /*timer*/) {
  pool_.submit(std::make_unique<SaveJob>(*this), loop_.mailbox(), runtime::JobKind::kWrite);
}

void SlotSaver::on_saved(const runtime::Result<void>& saved) {
  loop_.assert_in_thread();
  log_failure(saved);
  const wal::TransactionId next = next_();
  if (next != wal::kInvalidTransactionId) left_slots_.look(slots_.all(), next, loop_.now());
  timer_.arm(loop_.now() + kInterval);
}

}  // namespace server::slot
