#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/clock.h"
#include "runtime/published.h"
#include "runtime/span_queue.h"
#include "server/wal/next_xid.h"
#include "server/wal/source_clock.h"
#include "server/wal/timelines.h"

namespace server::wal {

// WAL that may be sent from now on: [begin, end) on the tip of `timelines`. A span carries
// positions, never bytes.
struct WalSpan {
  const Timelines* timelines = nullptr;
  Lsn begin;
  Lsn end;
  runtime::Instant published;
  // The segment of `begin` has been replaced by another file: what is open is not where this WAL
  // is.
  bool file_replaced = false;
  // Before this, files may be overwritten while a loop reads them.
  Lsn held_from = {};
  // WAL up to here is known to exist, and will come.
  Lsn promised = {};
  // The next transaction id, as far as the WAL up to `end` shows.
  NextXid next_xid = {};
  // In [long_begin, long_end) records may be longer than a slice; elsewhere none is. Empty:
  // nowhere.
  Lsn long_begin = {};
  Lsn long_end = {};
  // The times of its last bytes (SourceTimes), in this order; `published` comes last.
  runtime::Instant arrived = {};
  runtime::Instant found = {};
  runtime::Instant stored = {};
  runtime::Instant proven = {};

  // Two spans become one where they touch; the older times stay, since lag counts from there.
  bool merge(const WalSpan& next) {
    if (next.timelines != timelines || next.begin != end) return false;
    end = next.end;
    file_replaced = file_replaced || next.file_replaced;
    held_from = next.held_from;
    promised = next.promised;
    next_xid = next.next_xid;
    if (next.long_end.valid()) {
      if (!long_end.valid()) long_begin = next.long_begin;
      long_end = next.long_end;
    }
    return true;
  }
};

using WalSpanQueue = runtime::SpanQueue<WalSpan>;

// The end of sendable WAL: raised by the reader, carried to every loop by its queue.
//   Owner: Server.  Thread: the reader's; position() and timeline() are for any.
//   Borrows: the queues, which outlive the reader.
//   Invariant: positions never go back on one timeline.
class WalTail {
 public:
  // Before the reader starts.
  void subscribe(WalSpanQueue& queue) { queues_.push_back(&queue); }

  // Makes `timelines` current. The object lives as long as the tail.
  const Timelines* adopt(Timelines timelines);
  // The newest adopted; null before the first.
  const Timelines* timelines() const { return history_.empty() ? nullptr : history_.back().get(); }

  // REQUIRES: adopted timelines; begin <= end.
  void publish(Lsn begin, Lsn end, runtime::Instant now, bool file_replaced = false);
  // What the spans from now on say: from where on files keep their bytes (from the start, unless
  // the source has said otherwise; Lsn::max(): none does), and how much WAL is still to come
  // (none).
  void hold_from(Lsn held_from) { held_from_ = held_from; }
  void promise(Lsn promised) { promised_ = promised; }
  // The same for the transaction ids of the WAL that is published next.
  void show_xid(const NextXid& next_xid) { next_xid_ = next_xid; }
  // The times of the WAL that is published next, each as soon as it is known (SourceClock). What is
  // found in a file arrives there at that moment.
  void note_received(runtime::Instant arrived, runtime::Instant found) {
    times_.received(arrived, found);
  }
  void note_found(runtime::Instant at) { times_.received(at, at); }
  void note_stored(runtime::Instant at) { times_.stored(at); }
  void note_proven(runtime::Instant at) { times_.proven(at); }
  // Tells the loops what has changed of held_from and promised, without more WAL. REQUIRES: it was
  // published.
  void announce(runtime::Instant now) { publish(position(), position(), now); }

  Lsn position() const { return position_.load(); }
  // The newest timeline; invalid before the first. For any thread.
  TimelineId timeline() const { return timeline_.load(); }

 private:
  std::vector<WalSpanQueue*> queues_;
  std::vector<std::unique_ptr<const Timelines>> history_;  // one per timeline switch
  runtime::Published<Lsn> position_;
  runtime::Published<TimelineId> timeline_;
  Lsn held_from_;
  Lsn promised_;
  NextXid next_xid_;
  SourceClock times_;
};

}  // namespace server::wal
