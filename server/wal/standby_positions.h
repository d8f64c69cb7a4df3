#pragma once

#include "server/wal/lsn.h"

namespace server::wal {

// How far a standby is with the WAL that it gets: write_lsn, flush_lsn and replay_lsn of
// pg_stat_replication. Invalid positions are unknown.
//   Invariant: none. A standby reports what it likes, and PostgreSQL stores it as it comes: the
//   positions may go back, lie beyond what was sent, or be in any order.
struct StandbyPositions {
  Lsn write;
  Lsn flush;
  Lsn apply;

  // What the standby has for good: its flush position, or its write position if it never flushes,
  // as pg_receivewal without a slot (walsender.c, WalSndDone).
  Lsn acknowledged() const { return flush.valid() ? flush : write; }

  friend bool operator==(const StandbyPositions&, const StandbyPositions&) = default;
};

}  // namespace server::wal
