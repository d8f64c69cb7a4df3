#include "server/slot/slots.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "server/slot/errors.h"
#include "server/slot/name.h"
#include "server/slot/slot_file.h"
#include "server/wal/data_directory.h"

namespace server::slot {

using runtime::format;
using runtime::Lock;
using runtime::Result;
using wal::Lsn;
using wal::Xmin;

namespace {

// REQUIRES: no lock is held.
void tell(Waiters waiters) {
  for (Waiter& waiter : waiters) waiter.told();
}

}  // namespace

Result<void> Slots::load() {
  if (options_.directory.empty()) return {};
  TRY(wal::check_not_postgres(options_.directory));
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
      entries_.try_emplace(state.name, state.name, state.restart_lsn, state.xmin, state.owner);
    }
  }
  for (const SlotState& state : states) {
    if (state.xmin != wal::Xmin{}) tell_xmin(state.name, state.xmin);
  }
  return {};
}

Result<Slot*> Slots::create(std::string_view name, Persistence persistence, const Asker& asker,
                            Lsn restart_lsn) {
  CHECK(asker.pid != 0);
  TRY(validate_name(name));
  if (persistence == Persistence::kTemporary) {
    return &TRY(reserve(name, persistence, asker, restart_lsn))->slot;
  }
  TRY(save(std::string(name)));  // as long as its last creation has failed, the name is taken
  const Lock disk(disk_);
  Entry* const entry = TRY(reserve(name, persistence, asker, restart_lsn));
  const SlotState state{
      .name = entry->slot.name(), .restart_lsn = restart_lsn, .owner = entry->owner};
  if (auto written = write_state(options_.directory, state); !written) {
    const bool removed = remove_state(options_.directory, name).has_value();
    const Lock lock(mutex_);
    entry->failed = true;
    if (removed) erase(name);
    return std::move(written).error();
  }
  const Lock lock(mutex_);
  entry->end_save(restart_lsn, {});
  entry->exists = true;
  return &entry->slot;
}

Result<Slot*> Slots::acquire(std::string_view name, const Asker& asker) {
  CHECK(asker.pid != 0);
  const Lock lock(mutex_);
  return &TRY(take(name, asker, Purpose::kUse))->slot;
}

void Slots::release(Slot& slot) {
  Waiters waiters;
  std::optional<Lost> lost;
  {
    const Lock lock(mutex_);
    Entry& entry = held(slot);
    if (entry.is_temporary()) return;
    if (entry.needs_before(entry.obsolete_before)) {
      lost = Lost{&entry, entry.invalidate()};
    } else {
      waiters = entry.set_free();
    }
  }
  if (lost.has_value()) {
    tell_lost(*lost);
    const Lock lock(mutex_);
    waiters = lost->entry->set_free();
  }
  tell(std::move(waiters));
}

void Slots::report_xmin(Slot& slot, Xmin reported, const wal::NextXid& next) {
  Xmin xmin;
  {
    const Lock lock(mutex_);
    Entry& entry = held(slot);
    if (!entry.move_xmin(reported, next)) return;
    xmin = entry.xmin;
  }
  tell_xmin(slot.name(), xmin);
}

runtime::Instant Slots::take_turn(runtime::Instant now) {
  const Lock lock(mutex_);
  return pace_.take_if_due(now);
}

Result<void> Slots::drop(std::string_view name, const Asker& asker) {
  CHECK(asker.pid != 0);
  bool is_temporary = false;
  {
    const Lock lock(mutex_);
    Entry* const entry = TRY(take(name, asker, Purpose::kDrop));
    is_temporary = entry->is_temporary();
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
      const bool goes = entry.is_temporary() && entry.active_pid == pid;
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

std::vector<wal::Hold> Slots::holds() const {
  const Lock lock(mutex_);
  std::vector<wal::Hold> holds;
  for (const auto& [name, entry] : entries_) {
    const Lsn from = entry.required_lsn();
    if (!from.valid()) continue;
    holds.push_back({.who = format("replication slot \"{}\"", name),
                     .why = "a standby may ask for WAL from here on",
                     .from = from,
                     .since = {}});
  }
  return holds;
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
  // Slots that have moved on keep the WAL only until their state files say so too.
  auto saved = save_all(dirty(oldest));
  for (const Lost& slot : lost) {
    Waiters waiters;
    {
      const Lock lock(mutex_);
      waiters = slot.entry->set_free();
    }
    tell(std::move(waiters));
  }
  return saved;
}

// A free slot is held by this process until all is done with it, as the checkpointer does. The
// holder of a slot is told once.
void Slots::sort_out(Lsn oldest, std::vector<Lost>& lost, std::vector<Doomed>& doomed) {
  const Lock lock(mutex_);
  for (auto& [name, entry] : entries_) {
    if (!entry.exists || entry.dropping || !entry.needs_before(oldest)) continue;
    if (entry.active_pid == 0) {
      entry.active_pid = ::getpid();
      lost.push_back({&entry, entry.invalidate()});
    } else if (!std::exchange(entry.obsolete_before, oldest).valid()) {
      doomed.push_back({name, entry.active_pid});
    }
  }
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

Entry* Slots::find(std::string_view name) {
  const auto found = entries_.find(name);
  return found != entries_.end() && found->second.exists ? &found->second : nullptr;
}

Entry& Slots::held(Slot& slot) {
  Entry* const entry = find(slot.name());
  CHECK(entry != nullptr && &entry->slot == &slot);
  CHECK(entry->active_pid != 0);
  return *entry;
}

Result<Entry*> Slots::take(std::string_view name, const Asker& asker, Purpose purpose) {
  Entry* const entry = find(name);
  if (entry == nullptr || (entry->dropping && entry->active_pid == asker.pid)) {
    return runtime::Error{.kind = &kUndefinedObject,
                          .what = format("replication slot \"{}\" does not exist", name)};
  }
  TRY(entry->check_owner(asker, purpose));
  if (entry->active_pid == 0) entry->active_pid = asker.pid;
  if (entry->active_pid != asker.pid) {
    return runtime::Error{
        .kind = &kObjectInUse,
        .what = format("replication slot \"{}\" is active for PID {}", name, entry->active_pid)};
  }
  return entry;
}

// A temporary slot exists at once; a persistent one when its state is on disk.
Result<Entry*> Slots::reserve(std::string_view name, Persistence persistence, const Asker& asker,
                              Lsn restart_lsn) {
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
      entries_.try_emplace(std::string(name), name, persistence, asker, restart_lsn).first;
  made->second.exists = is_temporary;
  return &made->second;
}

Waiters Slots::erase(std::string_view name) {
  const auto found = entries_.find(name);
  CHECK(found != entries_.end());
  Waiters waiters = std::move(found->second.waiters);
  entries_.erase(found);
  return waiters;
}

// A slot that could not be dropped: its state file may be gone by now, and must be written again.
Waiters Slots::put_back(std::string_view name) {
  Entry* const entry = find(name);
  CHECK(entry != nullptr);
  entry->saved.certain = false;
  entry->dropping = false;
  return entry->set_free();
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

std::vector<std::string> Slots::dirty(std::optional<Lsn> oldest) const {
  const Lock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) {
    const bool wanted = !oldest || entry.is_saved_before(*oldest);
    if (wanted && entry.is_dirty()) names.push_back(name);
  }
  return names;
}

// Does nothing if the slot has gone, or is going, or another caller has saved it. A slot whose
// creation has failed is one that the disk must not have.
Result<void> Slots::save(const std::string& name) {
  const Lock disk(disk_);
  SlotState state{.name = name, .restart_lsn = {}};
  Entry* entry = nullptr;  // stays: dropping a persistent slot needs disk_
  {
    const Lock lock(mutex_);
    const auto found = entries_.find(name);
    if (found == entries_.end() || found->second.dropping || !found->second.is_dirty()) return {};
    entry = &found->second;
    state.restart_lsn = entry->slot.restart_lsn();
    state.xmin = entry->xmin;
    state.owner = entry->owner;
    if (!entry->failed) entry->begin_save();
  }
  TRY(entry->failed ? remove_state(options_.directory, name)
                    : write_state(options_.directory, state));
  const Lock lock(mutex_);
  if (entry->failed) {
    erase(name);
  } else {
    entry->end_save(state.restart_lsn, state.xmin);
  }
  return {};
}

}  // namespace server::slot
