#pragma once

#include <memory>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/mutex.h"
#include "runtime/published.h"
#include "runtime/result.h"
#include "runtime/thread.h"
#include "server/wal/flusher.h"
#include "server/wal/lsn.h"
#include "server/wal/set_aside.h"
#include "server/wal/spool_mark.h"
#include "server/wal/timeline.h"

namespace server::wal {

// Has the spool's mark say which WAL is on disk for sure, so that a start that finds less knows
// that the disk has lost it, and does not take it for what a crash has torn.
//
//   1. A sync is asked for. WAL is written to 0/5003000, and records are proven to 0/5002F10.
//   2. The sync is done. Until the next one is asked for, 0/5002F10 is safe: a record ends there,
//      so a start must find WAL that is valid up to there, at least.
//   3. flushed() itself, 0/5003000, is no such position: what a crash leaves of the record that it
//      lies in may end at 0/5002F10.
//
// The mark is written once in an interval at most, for a sync that is done, by a thread of its own,
// "spoolmark": no commit waits for it. A clean stop writes it once more, so that no acknowledged
// record is beyond it. Before old WAL is removed the mark says so, and the writer's thread waits
// for that: a loss of power may undo the removal of any of several segments, and the gap that is
// left then is not one in what must be there.
//   Owner: Writer.  Thread: the writer's.
//   Borrows: the flusher, the clock and the mark, if there is one: without it nothing happens.
//   Invariant: what the mark says is on disk when it is said, and never before what it said.
class SpoolBound {
 public:
  SpoolBound(SpoolMark* mark, runtime::Duration interval, SetAside set_aside,
             SegmentSize segment_size, const runtime::Clock& clock, const Flusher& flusher);
  ~SpoolBound();
  SpoolBound(const SpoolBound&) = delete;
  SpoolBound& operator=(const SpoolBound&) = delete;

  // Just before a sync is asked for of all that is written, of which records are proven up to
  // `proven`. The history outlives this object. REQUIRES: the flusher is not at work, and has not
  // failed.
  void on_sync_asked(Lsn proven, Lsn written, const TimelineHistory& history);
  // When on_sync_asked() is due for the mark's sake, though nothing may have been written since.
  runtime::Instant due() const;

  // WAL before `no` is not kept any more; on disk when this returns. A disk that is too full for
  // that is no failure: the segments that are to go may make the room.
  runtime::Result<void> let_go_before(SegmentNo no) EXCLUDES(disk_);
  // All records up to `proven` are on disk, and nothing more is written. REQUIRES: a record ends
  // there.
  void finish(Lsn proven) EXCLUDES(disk_);

 private:
  void keep(Lsn safe, const TimelineHistory& history);
  runtime::Result<void> say(Lsn from, Lsn to) EXCLUDES(disk_);
  void end_thread();

  SpoolMark* const mark_;
  const runtime::Duration interval_;
  const SetAside set_aside_;
  const SegmentSize segment_size_;
  const runtime::Clock& clock_;
  const Flusher& flusher_;
  Lsn asked_;  // what was proven when the last sync was asked for
  Lsn safe_;
  Lsn kept_;
  runtime::Instant kept_at_{};
  runtime::Published<bool> at_work_;  // the thread is; it says itself when it is done
  // The mark is written by one thread at a time. This one is held across I/O, which is all that it
  // is for.
  runtime::Mutex disk_;
  runtime::Loop loop_;
  std::unique_ptr<runtime::NamedThread> thread_;  // none without a mark
};

}  // namespace server::wal
