#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/published.h"
#include "server/wal/lsn.h"
#include "server/wal/xmin.h"

namespace server::slot {

enum class Persistence {
  kPersistent,  // survives its sessions, and a crash
  kTemporary,   // belongs to the session that created it, and goes with it
};

// The session that asks for a slot. A role may use the slots that it owns and those without an
// owner, and drop those that it owns; an asker that is bound to no role, such as a superuser, may
// do all.
struct Asker {
  std::int32_t pid = 0;   // of the session; never 0
  std::string role = {};  // that will own the slots which the asker creates; empty: none
  bool is_bound = false;
};

// A slot as it was at some moment.
struct SlotInfo {
  std::string name;
  Persistence persistence = Persistence::kPersistent;
  wal::Lsn restart_lsn;         // invalid: the slot keeps no WAL (NULL)
  std::int32_t active_pid = 0;  // the session that holds the slot; 0: none does
  wal::Xmin xmin = {};          // what its standby still looks at
  std::string owner = {};       // the role that has created it; empty: none

  friend bool operator==(const SlotInfo&, const SlotInfo&) = default;
};

// A slot as its holder has it.
//   Owner: Slots.  Thread: the holder's advances; any reads.
//   Valid from Slots::create() or acquire() to release(), a temporary one until it is dropped.
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
  // The slot keeps no WAL any more. For its holder, as advance() is.
  void invalidate() { restart_lsn_.store({}); }

 private:
  const std::string name_;
  runtime::Published<wal::Lsn> restart_lsn_;
};

}  // namespace server::slot
