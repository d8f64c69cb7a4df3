#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "runtime/result.h"
#include "runtime/task.h"
#include "server/slot/entry.h"
#include "server/slot/pace.h"
#include "server/slot/slot.h"
#include "server/wal/holds.h"
#include "server/wal/lsn.h"
#include "server/wal/xmin.h"

namespace server::slot {

// The physical slots of a server, by PostgreSQL's rules (slot.c), and the oldest LSN that any of
// them needs. A session is known by its pid, which is its own and never 0. A session that may not
// use a slot is told so before it is told that the slot is in use; PostgreSQL's slots have no
// owner.
//   Owner: Server.  Thread: any. Functions that touch the disk say that they block; no other waits.
//   Invariant: no crash brings back a slot that needs WAL before required_lsn(), which moves
//     forward only when the disk has the slot's new state. A slot that was invalidated is no
//     exception.
//   Limits: slots_max slots, temporary ones included; one waiter per waiting session.
class Slots {
 public:
  // Each is a write of a small file, or its removal, and two syncs.
  static constexpr int kChangesPerSecond = 100;
  static constexpr int kChangesBurst = 50;

  struct Options {
    std::string directory;       // empty: there is no place on disk, so temporary slots only
    std::size_t slots_max = 10;  // max_replication_slots
    // Ends the session of this pid. The callback only posts a message.
    std::function<void(std::int32_t pid)> terminate = {};
    // A slot has another xmin than before; none when it is dropped or invalidated. Called without a
    // lock, and before another session can have the slot: the last call for it is the true one.
    std::function<void(std::string_view name, wal::Xmin xmin)> xmin_changed = {};
  };

  explicit Slots(Options options) : options_(std::move(options)) {}
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  // Reads the slots on disk, once, before anything else is called. Blocks. A state file that cannot
  // be trusted costs its slot and a warning (slot_file.h); a disk that cannot be read, or more
  // slots than slots_max, is an error (slot.c, RestoreSlotFromDisk).
  runtime::Result<void> load() EXCLUDES(mutex_, disk_);

  // A new slot, held by the asker and owned by its role, which keeps WAL from `restart_lsn` on
  // (RESERVE_WAL) unless that is invalid. From the call on, required_lsn() respects it; others see
  // it when it is durable. Blocks if it is persistent. A failure leaves nothing behind, but where
  // the disk does not even take away the state file: then a crash may bring the slot back, so its
  // name and its WAL stay reserved until the file has been removed.
  runtime::Result<Slot*> create(std::string_view name, Persistence persistence, const Asker& asker,
                                wal::Lsn restart_lsn) EXCLUDES(mutex_, disk_);

  // Makes the asker the slot's holder, which it may be already (ReplicationSlotAcquire): a session
  // may stream from its own temporary slot. kNotOwner if it may not use the slot.
  runtime::Result<Slot*> acquire(std::string_view name, const Asker& asker) EXCLUDES(mutex_);

  // A temporary slot stays its session's. A slot that was to be invalidated is, now that it may.
  // REQUIRES: the slot is held.
  void release(Slot& slot) EXCLUDES(mutex_);

  // What the standby still looks at, by hot standby feedback: it stays in force until the next, or
  // the slot goes, and it never moves back (walsender.c, PhysicalReplicationSlotNewXmin). `next` is
  // the next transaction id as far as WAL shows: what cannot be by it counts for nothing
  // (Entry::move_xmin). The disk has it after the next save_dirty(). REQUIRES: the slot is held.
  void report_xmin(Slot& slot, wal::Xmin reported, const wal::NextXid& next) EXCLUDES(mutex_);

  // Whether a session may begin to create or drop a persistent slot: `now` is returned, and it has
  // begun; or else the instant at which to ask again. The disk does no more than kChangesPerSecond
  // of them, behind a burst, whatever clients ask for. One that waits has taken nothing, so one
  // that stops waiting costs the others nothing.
  runtime::Instant take_turn(runtime::Instant now) EXCLUDES(mutex_);

  // Blocks if the slot is persistent. The slot's state is gone from the disk for good on success.
  // After a failure the slot is still there, and free. kNotOwner if the asker may not drop it.
  // REQUIRES: the asker does not use the slot.
  runtime::Result<void> drop(std::string_view name, const Asker& asker) EXCLUDES(mutex_, disk_);

  // Drops the temporary slots of a session: at its end, and when a command of it has failed
  // (ReplicationSlotCleanup).
  void drop_temporary(std::int32_t pid) EXCLUDES(mutex_);

  // For DROP_REPLICATION_SLOT ... WAIT: `told` is called once, when the holder releases or drops
  // the slot, by the thread that does so, which may be a loop's: `told` only posts a message.
  // Another session may have the slot again by then. No WaitId if no session holds the slot, or
  // there is no such slot.
  std::optional<WaitId> notify_when_free(std::string_view name, runtime::Task told)
      EXCLUDES(mutex_);
  // Returns whether `told` will never be called; otherwise it was, or is just about to be.
  bool cancel(WaitId id) EXCLUDES(mutex_);

  std::optional<SlotInfo> read(std::string_view name) const EXCLUDES(mutex_);
  // By name.
  std::vector<SlotInfo> all() const EXCLUDES(mutex_);

  // WAL from here on must stay; invalid if no slot needs any. It heeds what a crash would bring
  // back too (ReplicationSlotsComputeRequiredLSN of PostgreSQL 18): it moves on with save_dirty().
  wal::Lsn required_lsn() const EXCLUDES(mutex_);
  // The same, slot by slot, of those that need any.
  std::vector<wal::Hold> holds() const EXCLUDES(mutex_);

  // WAL before `oldest` is to go: invalidates the slots that need it (slot.c,
  // InvalidateObsoleteReplicationSlots). A slot that is held loses its session first, and is
  // invalidated when the session releases it, unless its standby has caught up by then. Blocks on
  // the disk, for no session. On success required_lsn() is not before `oldest`, but for slots that
  // are held, or being created.
  runtime::Result<void> invalidate_before(wal::Lsn oldest) EXCLUDES(mutex_, disk_);

  // Writes the state of slots that have moved, as a checkpoint does (CheckPointReplicationSlots).
  // Blocks. On success all that was said to advance() before the call is durable. A slot that
  // cannot be saved does not keep the others from it, and is tried again next time; the first error
  // is returned. So it is with the files of slots whose creation has failed.
  runtime::Result<void> save_dirty() EXCLUDES(mutex_, disk_);

 private:
  // A slot that was invalidated, and is still held.
  struct Lost {
    Entry* entry;
    wal::Lsn restart_lsn;  // that it had
  };
  struct Doomed {
    std::string name;
    std::int32_t pid;
  };

  Entry* find(std::string_view name) REQUIRES(mutex_);
  runtime::Result<Entry*> take(std::string_view name, const Asker& asker, Purpose purpose)
      REQUIRES(mutex_);
  runtime::Result<Entry*> reserve(std::string_view name, Persistence persistence,
                                  const Asker& asker, wal::Lsn restart_lsn) EXCLUDES(mutex_);
  Waiters erase(std::string_view name) REQUIRES(mutex_);
  Waiters put_back(std::string_view name) REQUIRES(mutex_);
  Entry& held(Slot& slot) REQUIRES(mutex_);
  void tell_lost(const Lost& lost) const EXCLUDES(mutex_);
  void tell_xmin(std::string_view name, wal::Xmin xmin) const EXCLUDES(mutex_);
  void sort_out(wal::Lsn oldest, std::vector<Lost>& lost, std::vector<Doomed>& doomed)
      EXCLUDES(mutex_);
  // Of all, or of those that keep WAL before `oldest` just because of what is on disk.
  std::vector<std::string> dirty(std::optional<wal::Lsn> oldest = {}) const EXCLUDES(mutex_);
  runtime::Result<void> save_all(const std::vector<std::string>& names) EXCLUDES(mutex_, disk_);
  runtime::Result<void> save(const std::string& name) EXCLUDES(mutex_, disk_);

  const Options options_;

  // Makes one thing at a time happen in the directory. This one is held across I/O, which is all
  // that it is for: only threads that block on the disk anyway take it, never a loop (slot.c has
  // ReplicationSlotAllocationLock and io_in_progress_lock for it). Taken before mutex_.
  runtime::Mutex disk_;

  // Never held across I/O or a callback.
  mutable runtime::Mutex mutex_;
  Pace pace_ GUARDED_BY(mutex_){kChangesPerSecond, kChangesBurst};
  std::map<std::string, Entry, std::less<>> entries_ GUARDED_BY(mutex_);
  std::uint64_t last_wait_ GUARDED_BY(mutex_) = 0;
};

}  // namespace server::slot
