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
#include "runtime/mutex.h"
#include "runtime/published.h"
#include "runtime/result.h"
#include "runtime/task.h"
#include "server/slot/name.h"
#include "server/slot/slot_file.h"
#include "server/wal/lsn.h"
#include "server/wal/xmin.h"

namespace server::slot {

enum class Persistence {
  kPersistent,  // survives its sessions, and a crash
  kTemporary,   // belongs to the session that created it, and goes with it
};

// A slot as it was at some moment.
struct SlotInfo {
  std::string name;
  Persistence persistence = Persistence::kPersistent;
  wal::Lsn restart_lsn;         // invalid: the slot keeps no WAL (NULL)
  std::int32_t active_pid = 0;  // the session that has it; 0: nobody
  wal::Xmin xmin = {};          // what its standby still looks at

  friend bool operator==(const SlotInfo&, const SlotInfo&) = default;
};

// A slot as its holder has it.
//   Owner: Slots.  Thread: the holder's advances; any reads.
//   Valid from create() or acquire() to release(), a temporary one until it is dropped.
class Slot {
 public:
  Slot(std::string_view name, wal::Lsn restart_lsn) : name_(name), restart_lsn_(restart_lsn) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

  const std::string& name() const { return name_; }
  // The oldest WAL that the slot's standby may still ask for; invalid if it has not said so yet.
  wal::Lsn restart_lsn() const { return restart_lsn_.load(); }

  // The standby has flushed up to `flush`, which moves the slot there, backward too (walsender.c,
  // PhysicalConfirmReceivedLocation). An invalid one says nothing. One atomic store; the disk has
  // it after the next save_dirty().
  void advance(wal::Lsn flush) {
    if (flush.valid() && flush != restart_lsn_.load()) restart_lsn_.store(flush);
  }
  // It keeps no WAL any more. For who holds it, as advance() is.
  void invalidate() { restart_lsn_.store({}); }

 private:
  const std::string name_;
  runtime::Published<wal::Lsn> restart_lsn_;
};

// One that waits for a slot to be free.
enum class WaitId : std::uint64_t {};

// The physical slots of a server, by PostgreSQL's rules (slot.c), and the oldest LSN that any of
// them needs. A session is known by its pid, which is its own and never 0.
//   Owner: Server.  Thread: any. What touches the disk says that it blocks; nothing else waits.
//   Invariant: no crash brings back a slot that needs WAL before required_lsn(). It moves forward
//     only by what is on disk, of a slot that was invalidated too.
//   Limits: slots_max slots, temporary ones included; one waiter per waiting session.
class Slots {
 public:
  struct Options {
    std::string directory;       // empty: there is no place on disk, so temporary slots only
    std::size_t slots_max = 10;  // max_replication_slots
    // Has the session of this pid end; it should but post a message.
    std::function<void(std::int32_t pid)> terminate = {};
    // A slot has another xmin than before; none when it is dropped or invalidated. Called without a
    // lock, and before anybody else can have the slot: the last call for it is the true one.
    std::function<void(std::string_view name, wal::Xmin xmin)> xmin_changed = {};
  };

  explicit Slots(Options options) : options_(std::move(options)) {}
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  // Reads the slots on disk, once, before anything else is called. Blocks. A state file that cannot
  // be trusted costs its slot and a warning (slot_file.h); a disk that cannot be read, or more
  // slots than slots_max, is an error (slot.c, RestoreSlotFromDisk).
  runtime::Result<void> load() EXCLUDES(mutex_, disk_);

  // A new slot, held by session `pid`, which keeps WAL from `restart_lsn` on (RESERVE_WAL) unless
  // that is invalid. From the call on, required_lsn() respects it; others see it when it is
  // durable. Blocks if it is persistent. A failure leaves nothing behind.
  runtime::Result<Slot*> create(std::string_view name, Persistence persistence, std::int32_t pid,
                                wal::Lsn restart_lsn) EXCLUDES(mutex_, disk_);

  // Makes `pid` the slot's holder, which it may be already (ReplicationSlotAcquire): a session may
  // stream from its own temporary slot.
  runtime::Result<Slot*> acquire(std::string_view name, std::int32_t pid) EXCLUDES(mutex_);

  // A temporary slot stays its session's. A slot that was to be invalidated is, now that it may.
  // REQUIRES: the slot is held.
  void release(Slot& slot) EXCLUDES(mutex_);

  // What the standby still looks at, by hot standby feedback: it stays in force until the next, or
  // the slot goes, and it never moves back (walsender.c, PhysicalReplicationSlotNewXmin). The disk
  // has it after the next save_dirty(). REQUIRES: the slot is held.
  void report_xmin(Slot& slot, wal::Xmin reported) EXCLUDES(mutex_);

  // Blocks if the slot is persistent. The slot's state is gone from the disk for good on success.
  // After a failure the slot is still there, and free. REQUIRES: `pid` does not use the slot.
  runtime::Result<void> drop(std::string_view name, std::int32_t pid) EXCLUDES(mutex_, disk_);

  // Drops the temporary slots of a session: at its end, and when a command of it has failed
  // (ReplicationSlotCleanup).
  void drop_temporary(std::int32_t pid) EXCLUDES(mutex_);

  // For DROP_REPLICATION_SLOT ... WAIT: `told` is called once, when the holder releases or drops
  // the slot, by the thread that does so, which may be a loop's: it should but post a message.
  // Somebody else may have the slot again by then. Nothing if no session holds the slot, or there
  // is none.
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

  // WAL before `oldest` is to go: invalidates the slots that need it (slot.c,
  // InvalidateObsoleteReplicationSlots). One that is held loses its session first, and is
  // invalidated when that releases it, unless its standby has caught up by then. Blocks on the
  // disk, for no session. On success required_lsn() is not before `oldest`, but for slots that are
  // held, or being created.
  runtime::Result<void> invalidate_before(wal::Lsn oldest) EXCLUDES(mutex_, disk_);

  // Writes the state of slots that have moved, as a checkpoint does (CheckPointReplicationSlots).
  // Blocks. On success all that was said to advance() before the call is durable. A slot that
  // cannot be saved does not keep the others from it, and is tried again next time; the first error
  // is returned.
  runtime::Result<void> save_dirty() EXCLUDES(mutex_, disk_);

 private:
  // What the state file of a persistent slot says, as far as is known.
  struct Saved {
    wal::Lsn oldest;       // the oldest restart_lsn that a crash may bring back
    wal::Xmin xmin;        // of no meaning unless certain
    bool certain = false;  // it is the only one, and nothing need be written if the slot is there
  };

  struct Waiter {
    WaitId id;
    runtime::Task told;
  };

  using Waiters = std::vector<Waiter>;

  struct Entry {
    Entry(std::string_view name, Persistence persistence_of, std::int32_t pid, wal::Lsn restart_lsn)
        : slot(name, restart_lsn), persistence(persistence_of), active_pid(pid) {}

    Slot slot;
    const Persistence persistence;
    std::int32_t active_pid;
    bool exists = false;       // until it does, its name and its WAL are reserved
    bool dropping = false;     // by its holder
    wal::Lsn obsolete_before;  // valid: its session has been told to end for needing older WAL
    wal::Xmin xmin;
    Saved saved;
    Waiters waiters;

    bool needs_before(wal::Lsn lsn) const;
    bool is_dirty() const;
    wal::Lsn required_lsn() const;
    SlotInfo info() const;
  };

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
  runtime::Result<Entry*> take(std::string_view name, std::int32_t pid) REQUIRES(mutex_);
  runtime::Result<Entry*> reserve(std::string_view name, Persistence persistence, std::int32_t pid,
                                  wal::Lsn restart_lsn) EXCLUDES(mutex_);
  Waiters erase(std::string_view name) REQUIRES(mutex_);
  Waiters put_back(std::string_view name) REQUIRES(mutex_);
  Waiters set_free(Entry& entry) REQUIRES(mutex_);
  Lost invalidate(Entry& entry) REQUIRES(mutex_);
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
  // that it is for: only those take it who block on the disk anyway, never a loop (slot.c has
  // ReplicationSlotAllocationLock and io_in_progress_lock for it). Taken before mutex_.
  runtime::Mutex disk_;

  // Never held across I/O or a callback.
  mutable runtime::Mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_ GUARDED_BY(mutex_);
  std::uint64_t last_wait_ GUARDED_BY(mutex_) = 0;
};

}  // namespace server::slot
