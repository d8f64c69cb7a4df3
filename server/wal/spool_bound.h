#pragma once

#include "runtime/clock.h"
#include "server/wal/flusher.h"
#include "server/wal/lsn.h"
#include "server/wal/set_aside.h"
#include "server/wal/spool_mark.h"

namespace server::wal {

// Has the spool's mark say how far the WAL is on disk for sure, so that a start that finds less
// knows that the disk has lost it, and does not take it for what a crash has torn.
//
//   1. A sync is asked for. WAL is written to 0/5003000, and records are proven to 0/5002F10.
//   2. The sync is done. Until the next one is asked for, 0/5002F10 is safe: a record ends there,
//      so a start must find WAL that is valid up to there, at least.
//   3. flushed() itself, 0/5003000, is no such position: what a crash leaves of the record that it
//      lies in may end at 0/5002F10.
//
// The mark is written once in an interval at most, by the flusher's thread before a sync, which
// waits for it.
//   Owner: Writer.  Thread: the writer's. It outlives the flusher's thread, which writes the mark.
//   Borrows: the flusher, the clock and the mark, if there is one: without it nothing happens.
//   Invariant: what the mark says is on disk when it is said, and never before what it said.
class SpoolBound {
 public:
  SpoolBound(SpoolMark* mark, runtime::Duration interval, SetAside set_aside,
             SegmentSize segment_size, const runtime::Clock& clock, Flusher& flusher);

  // Just before a sync is asked for of all that is written, of which records are proven up to
  // `proven`. REQUIRES: the flusher is not at work, and has not failed.
  void on_sync_asked(Lsn proven, Lsn written);

 private:
  void keep(Lsn safe);
  runtime::Result<void> keep_on_disk(Lsn safe) const;

  SpoolMark* const mark_;
  const runtime::Duration interval_;
  const SetAside set_aside_;
  const SegmentSize segment_size_;
  const runtime::Clock& clock_;
  Flusher& flusher_;
  Lsn asked_;  // what was proven when the last sync was asked for, which is done
  Lsn kept_;
  runtime::Instant kept_at_{};
};

}  // namespace server::wal
