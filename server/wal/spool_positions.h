#pragma once

#include "runtime/check.h"
#include "server/wal/lsn.h"

namespace server::wal {

// How far a spool has come, at one moment.
//
//     flushed ──────────► written         a sync covers what was written when it was asked for
//     proven  ──────────► written         a record is proven when it is whole
//
//   Invariant: flushed <= written and proven <= written. Neither of the first two bounds the other:
//   the first pages of a long record become durable before the record is whole, and a whole record
//   is published before a sync has covered it.
// The primary hears of written() and flushed(), which may lie within a record: an upstream that
// stops waits until all that it has sent is confirmed, and it may have sent half a record whose
// rest will never come (walsender.c, WalSndDone). Standbys are sent what is proven.
class SpoolPositions {
 public:
  struct Of {
    Lsn written;
    Lsn proven;
    Lsn flushed;
  };
  explicit SpoolPositions(const Of& positions) : positions_(positions) {
    CHECK(positions.proven <= positions.written);
    CHECK(positions.flushed <= positions.written);
  }

  Lsn written() const { return positions_.written; }
  Lsn proven() const { return positions_.proven; }
  Lsn flushed() const { return positions_.flushed; }

 private:
  Of positions_;
};

}  // namespace server::wal
