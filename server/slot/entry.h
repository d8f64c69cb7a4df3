#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "runtime/task.h"
#include "server/slot/slot.h"
#include "server/wal/lsn.h"
#include "server/wal/next_xid.h"
#include "server/wal/xmin.h"

namespace server::slot {

// The lower position, where an invalid one needs no WAL at all.
wal::Lsn older(wal::Lsn a, wal::Lsn b);

// Names a task that waits for a slot to be free.
enum class WaitId : std::uint64_t {};

struct Waiter {
  WaitId id;
  runtime::Task told;
};
using Waiters = std::vector<Waiter>;

enum class Purpose { kUse, kDrop };

// What the state file of a persistent slot says, as far as is known.
struct SavedState {
  wal::Lsn oldest;       // the oldest restart_lsn that a crash may bring back
  wal::Xmin xmin;        // of no meaning unless certain
  bool certain = false;  // the file has these two and no others, unless it was changed since
};

// All that Slots knows of one slot, and how it may change: without locks, disk or callbacks.
//   Owner: Slots.  Thread: any, under the table's lock.
//   Invariant: required_lsn() is at or before every restart_lsn that a crash may bring back.
//   Invariant: a waiter waits only while a session holds the slot.
class Entry {
 public:
  Entry(std::string_view name, Persistence persistence_of, const Asker& creator,
        wal::Lsn restart_lsn)
      : slot(name, restart_lsn),
        persistence(persistence_of),
        owner(creator.role),
        active_pid(creator.pid) {}
  // A slot that was read from its state file: it exists, and no session holds it.
  Entry(std::string_view name, wal::Lsn restart_lsn, wal::Xmin xmin_of,
        std::string_view owner_of = {});

  bool is_temporary() const { return persistence == Persistence::kTemporary; }
  // WAL before `lsn` is needed.
  bool needs_before(wal::Lsn lsn) const;
  // WAL before `lsn` is kept by the state file alone: the slot itself has moved on.
  bool is_saved_before(wal::Lsn lsn) const;
  // Whether the state file has to be written, or, of a slot that has failed, to be removed.
  bool is_dirty() const;
  wal::Lsn required_lsn() const;
  SlotInfo info() const;
  // Whether the asker may do that with a slot of this owner.
  runtime::Result<void> check_owner(const Asker& asker, Purpose purpose) const;

  // The state file is about to be written with the slot's present position, and may from now on
  // have that or what it had.
  void begin_save();
  void end_save(wal::Lsn restart_lsn, wal::Xmin saved_xmin);

  // Hot standby feedback moves an xmin forward, unless there was none, or is none any more.
  // Feedback that PostgreSQL would ignore moves nothing, where `next` is the next transaction id.
  // If the one that the slot has is such a one, it counts as none: it may be from before WAL had
  // shown an id, and no right one could follow on an id that lies ahead of all. Returns whether it
  // has moved.
  bool move_xmin(wal::Xmin reported, const wal::NextXid& next);
  // The slot keeps neither WAL nor rows any more. Returns the restart_lsn that it had. The holder
  // may stream by it again, and then it is a slot like any other.
  wal::Lsn invalidate();
  // No session holds the slot any more. Returns the waiters: their tasks are called without a lock.
  [[nodiscard]] Waiters set_free();

  Slot slot;
  const Persistence persistence;
  const std::string owner;  // a role; empty: none
  std::int32_t active_pid;
  bool exists = false;       // until it does, its name and its WAL are reserved
  bool dropping = false;     // by its holder
  bool failed = false;       // its creation has, and its state file may come back after a crash
  wal::Lsn obsolete_before;  // valid: the holder was told to end, since it needs older WAL
  wal::Xmin xmin;
  SavedState saved;
  Waiters waiters;
};

}  // namespace server::slot
