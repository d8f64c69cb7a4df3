#include "server/slot/slot_holder.h"

#include "runtime/log.h"

namespace server::slot {

namespace {

void log_failure(const runtime::Result<void>& done) {
  if (!done) runtime::log::error("{}", done.error().what);
}

}  // namespace

void SlotHolder::settle() { log_failure(slots_.save_dirty()); }

void SlotHolder::release_before(wal::Lsn oldest) { log_failure(slots_.invalidate_before(oldest)); }

}  // namespace server::slot
