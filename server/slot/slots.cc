#include "server/slot/slots.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/slot/errors.h"

namespace server::slot {

using runtime::format;
using runtime::Lock;
using runtime::Result;
using wal::Lsn;

namespace {

// The lower one, where an invalid one needs no WAL at all.
Lsn older(Lsn a, Lsn b) {
  if (!a.valid() || !b.valid()) return std::max(a, b);
  return std::min(a, b);
}

// REQUIRES: no lock is held.
template <typename Waiters>
void tell(Waiters waiters) {
  for (auto& waiter : waiters) waiter.told();
}

}  // namespace

bool Slots::Entry::needs_before(Lsn lsn) const {
  return slot.restart_lsn().valid() && slot.restart_lsn() < lsn;
}

bool Slots::Entry::is_dirty() const {
  if (!exists || persistence == Persistence::kTemporary) return false;
  return !saved.certain || saved.oldest != slot.restart_lsn() || saved.xmin != xmin;
}

Lsn Slots::Entry::required_lsn() const { return older(saved.oldest, slot.restart_lsn()); }

SlotInfo Slots::Entry::info() const {
  return {.name = slot.name(),
          .persistence = persistence,
          .restart_lsn = slot.restart_lsn(),
          .active_pid = active_pid,
          .xmin = xmin};
}

Result<void> Slots::load() {
  if (options_.directory.empty()) return {};
  const Lock disk(disk_);
  const std::vector<SlotState> states = TRY(read_states(options_.directory));
  if (states.size() > options_.slots_max) {
    return runtime::Error{.kind = &kConfigurationLimitExceeded,
                          .what = "too many replication slots active before shutdown",
                          .hint = "Increase max_replication_slots and try again."};
  }
  {
    const Lock lock(mutex_);
    CHECK(entries_.empty());
    for (const SlotState& state : states) {
      Entry& entry = entries_
                         .try_emplace(state.name, state.name, Persistence::kPersistent, /*pid=*/0,
                                      state.restart_lsn)
                         .first->second;
      entry.exists = true;
      entry.xmin = state.xmin;
      entry.saved = {.oldest = state.restart_lsn, .xmin = state.xmin, .certain = true};
    }
  }
  for (const SlotState& state : states) {
    if (state.xmin != wal::Xmin{}) tell_xmin(state.name, state.xmin);
  }
  return {};
}

Result<Slot*> Slots::create(std::string_view name, Persistence persistence, std::int32_t pid,
                            Lsn restart_lsn) {
  CHECK(pid != 0);
  TRY(validate_name(name));
  if (persistence == Persistence::kTemporary) {
    return &TRY(reserve(name, persistence, pid, restart_lsn))->slot;
  }
  const Lock disk(disk_);
  Entry* const entry = TRY(reserve(name, persistence, pid, restart_lsn));
  const SlotState state{entry->slot.name(), restart_lsn};
  if (auto written = write_state(options_.directory, state); !written) {
    static_cast<void>(remove_state(options_.directory, name));  // the first error says more
    const Lock lock(mutex_);
    erase(name);
    return std::move(written).error();
  }
  const Lock lock(mutex_);
  entry->saved = {.oldest = restart_lsn, .xmin = {}, .certain = true};
  entry->exists = true;
  return &entry->slot;
}

Result<Slot*> Slots::acquire(std::string_view name, std::int32_t pid) {
  CHECK(pid != 0);
  const Lock lock(mutex_);
  return &TRY(take(name, pid))->slot;
}

void Slots::release(Slot& slot) {
  Waiters waiters;
  std::optional<Lost> lost;
  {
    const Lock lock(mutex_);
    Entry* const entry = find(slot.name());
    CHECK(entry != nullptr && &entry->slot == &slot);
    CHECK(entry->active_pid != 0);
    if (entry->persistence == Persistence::kTemporary) return;
    if (entry->needs_before(entry->obsolete_before)) {
      lost = invalidate(*entry);
    } else {
      waiters = set_free(*entry);
    }
  }
  if (lost.has_value()) {
    tell_lost(*lost);
    const Lock lock(mutex_);
    waiters = set_free(*lost->entry);
  }
  tell(std::move(waiters));
}

Result<void> Slots::drop(std::string_view name, std::int32_t pid) {
  CHECK(pid != 0);
  bool is_temporary = false;
  {
    const Lock lock(mutex_);
    Entry* const entry = TRY(take(name, pid));
    is_temporary = entry->persistence == Persistence::kTemporary;
    entry->dropping = true;  // or a save_dirty() could bring its file back
  }
  Result<void> removed;
  if (!is_temporary) {
    const Lock disk(disk_);
    removed = remove_state(options_.directory, name);
  }
  if (removed) tell_xmin(name, {});
  Waiters waiters;
  {
    const Lock lock(mutex_);
    waiters = removed ? erase(name) : put_back(name);
  }
  tell(std::move(waiters));
  return removed;
}

void Slots::drop_temporary(std::int32_t pid) {
  std::vector<std::string> names;
  {
    const Lock lock(mutex_);
    for (auto& [name, entry] : entries_) {
      const bool goes = entry.persistence == Persistence::kTemporary && entry.active_pid == pid;
      if (goes && !std::exchange(entry.dropping, true)) names.push_back(name);
    }
  }
  for (const std::string& name : names) {
    tell_xmin(name, {});
    Waiters waiters;
    {
      const Lock lock(mutex_);
      waiters = erase(name);
    }
    tell(std::move(waiters));
  }
}

std::optional<WaitId> Slots::notify_when_free(std::string_view name, runtime::Task told) {
  const Lock lock(mutex_);
  Entry* const entry = find(name);
  if (entry == nullptr || entry->active_pid == 0) return std::nullopt;
  const WaitId id{++last_wait_};
  entry->waiters.push_back({id, std::move(told)});
  return id;
}

bool Slots::cancel(WaitId id) {
  const Lock lock(mutex_);
  return std::any_of(entries_.begin(), entries_.end(), [&](auto& named) {
    return std::erase_if(named.second.waiters, [&](const Waiter& w) { return w.id == id; }) != 0;
  });
}

std::optional<SlotInfo> Slots::read(std::string_view name) const {
  const Lock lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end() || !found->second.exists) return std::nullopt;
  return found->second.info();
}

std::vector<SlotInfo> Slots::all() const {
  const Lock lock(mutex_);
  std::vector<SlotInfo> slots;
  for (const auto& [name, entry] : entries_) {
    if (entry.exists) slots.push_back(entry.info());
  }
  return slots;
}

Lsn Slots::required_lsn() const {
  const Lock lock(mutex_);
  Lsn oldest;
  for (const auto& [name, entry] : entries_) oldest = older(oldest, entry.required_lsn());
  return oldest;
}

Result<void> Slots::save_dirty() { return save_all(dirty()); }

Result<void> Slots::save_all(const std::vector<std::string>& names) {
  Result<void> outcome;
  for (const std::string& name : names) {
    auto saved = save(name);
    if (outcome && !saved) outcome = std::move(saved);
  }
  return outcome;
}

Slots::Entry* Slots::find(std::string_view name) {
  const auto found = entries_.find(name);
  return found != entries_.end() && found->second.exists ? &found->second : nullptr;
}

Result<Slots::Entry*> Slots::take(std::string_view name, std::int32_t pid) {
  Entry* const entry = find(name);
  if (entry == nullptr || (entry->dropping && entry->active_pid == pid)) {
    return runtime::Error{.kind = &kUndefinedObject,
                          .what = format("replication slot \"{}\" does not exist", name)};
  }
  if (entry->active_pid == 0) entry->active_pid = pid;
  if (entry->active_pid != pid) {
    return runtime::Error{
        .kind = &kObjectInUse,
        .what = format("replication slot \"{}\" is active for PID {}", name, entry->active_pid)};
  }
  return entry;
}

// A temporary slot exists at once; a persistent one when its state is on disk.
Result<Slots::Entry*> Slots::reserve(std::string_view name, Persistence persistence,
                                     std::int32_t pid, Lsn restart_lsn) {
  const bool is_temporary = persistence == Persistence::kTemporary;
  const Lock lock(mutex_);
  if (entries_.contains(name)) {
    return runtime::Error{.kind = &kDuplicateObject,
                          .what = format("replication slot \"{}\" already exists", name)};
  }
  if (entries_.size() >= options_.slots_max) {
    return runtime::Error{.kind = &kConfigurationLimitExceeded,
                          .what = "all replication slots are in use",
                          .hint = "Free one or increase max_replication_slots."};
  }
  if (!is_temporary && options_.directory.empty()) {
    return runtime::Error{
        .kind = &kObjectNotInPrerequisiteState,
        .what = "persistent replication slots are not available from this server",
        .hint = "Give it a directory to keep their state in, or create a temporary slot."};
  }
  const auto made =
      entries_.try_emplace(std::string(name), name, persistence, pid, restart_lsn).first;
  made->second.exists = is_temporary;
  return &made->second;
}

Slots::Waiters Slots::erase(std::string_view name) {
  const auto found = entries_.find(name);
  CHECK(found != entries_.end());
  Waiters waiters = std::move(found->second.waiters);
  entries_.erase(found);
  return waiters;
}

// A slot that could not be dropped: its state file may be gone by now, and must be written again.
Slots::Waiters Slots::put_back(std::string_view name) {
  Entry* const entry = find(name);
  CHECK(entry != nullptr);
  entry->saved.certain = false;
  entry->dropping = false;
  return set_free(*entry);
}

Slots::Waiters Slots::set_free(Entry& entry) {
  entry.active_pid = 0;
  entry.obsolete_before = {};
  return std::exchange(entry.waiters, {});
}

std::vector<std::string> Slots::dirty(std::optional<Lsn> oldest) const {
  const Lock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) {
    const bool wanted = !oldest || (entry.saved.oldest.valid() && entry.saved.oldest < *oldest &&
                                    !entry.needs_before(*oldest));
    if (wanted && entry.is_dirty()) names.push_back(name);
  }
  return names;
}

// Does nothing if the slot has gone, or is going, or another caller has saved it.
Result<void> Slots::save(const std::string& name) {
  const Lock disk(disk_);
  SlotState state{name, {}};
  Saved* saved = nullptr;  // stays: who drops a persistent slot needs disk_
  {
    const Lock lock(mutex_);
    Entry* const entry = find(name);
    if (entry == nullptr || entry->dropping || !entry->is_dirty()) return {};
    state.restart_lsn = entry->slot.restart_lsn();
    state.xmin = entry->xmin;
    saved = &entry->saved;
    *saved = {.oldest = older(saved->oldest, state.restart_lsn), .xmin = {}, .certain = false};
  }
  TRY(write_state(options_.directory, state));
  const Lock lock(mutex_);
  *saved = {.oldest = state.restart_lsn, .xmin = state.xmin, .certain = true};
  return {};
}

}  // namespace server::slot
