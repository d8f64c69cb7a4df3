// How slots lose what they keep: WAL that is older than they may need, and what their standbys look
// at. The rest of them is in slots.cc.
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/log.h"
#include "server/slot/slots.h"

namespace server::slot {

using runtime::Lock;
using runtime::Result;
using wal::Lsn;
using wal::Xmin;

namespace {

// Forward, unless there was none, or is none any more.
std::uint64_t moved(std::uint64_t from, std::uint64_t to) {
  return from == 0 || to == 0 ? to : std::max(from, to);
}

}  // namespace

void Slots::report_xmin(Slot& slot, Xmin reported) {
  Xmin xmin;
  {
    const Lock lock(mutex_);
    Entry* const entry = find(slot.name());
    CHECK(entry != nullptr && &entry->slot == &slot && entry->active_pid != 0);
    xmin = {moved(entry->xmin.data, reported.data), moved(entry->xmin.catalog, reported.catalog)};
    if (std::exchange(entry->xmin, xmin) == xmin) return;
  }
  tell_xmin(slot.name(), xmin);
}

Result<void> Slots::invalidate_before(Lsn oldest) {
  std::vector<Lost> lost;
  std::vector<Doomed> doomed;
  sort_out(oldest, lost, doomed);
  for (const auto& [name, pid] : doomed) {
    runtime::log::log("terminating process {} to release replication slot \"{}\"", pid, name);
    if (options_.terminate) options_.terminate(pid);
  }
  for (const Lost& slot : lost) tell_lost(slot);
  // Slots that have moved on need no more than to say so.
  auto saved = save_all(dirty(oldest));
  for (const Lost& slot : lost) {
    Waiters waiters;
    {
      const Lock lock(mutex_);
      waiters = set_free(*slot.entry);
    }
    for (Waiter& waiter : waiters) waiter.told();
  }
  return saved;
}

// A free slot is held by this process until all is done with it, as the checkpointer does. Who
// holds one is told once.
void Slots::sort_out(Lsn oldest, std::vector<Lost>& lost, std::vector<Doomed>& doomed) {
  const Lock lock(mutex_);
  for (auto& [name, entry] : entries_) {
    if (!entry.exists || entry.dropping || !entry.needs_before(oldest)) continue;
    if (entry.active_pid == 0) {
      entry.active_pid = ::getpid();
      lost.push_back(invalidate(entry));
    } else if (!std::exchange(entry.obsolete_before, oldest).valid()) {
      doomed.push_back({name, entry.active_pid});
    }
  }
}

// The holder may stream by it again, and then it is a slot like any other.
Slots::Lost Slots::invalidate(Entry& entry) {
  const Lost lost{&entry, entry.slot.restart_lsn()};
  entry.slot.invalidate();
  entry.xmin = {};
  return lost;
}

void Slots::tell_lost(const Lost& lost) const {
  runtime::log::log(
      "invalidating slot \"{}\" because its restart_lsn {} exceeds max_slot_wal_keep_size",
      lost.entry->slot.name(), lost.restart_lsn);
  tell_xmin(lost.entry->slot.name(), {});
}

void Slots::tell_xmin(std::string_view name, Xmin xmin) const {
  if (options_.xmin_changed) options_.xmin_changed(name, xmin);
}

}  // namespace server::slot
