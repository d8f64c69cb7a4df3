#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/annotations.h"
#include "runtime/counters.h"
#include "runtime/loop.h"
#include "runtime/pool.h"
#include "runtime/result.h"
#include "server/stream/held_files.h"
#include "server/stream/lag_clock.h"
#include "server/stream/slice_cache.h"
#include "server/stream/stage_clock.h"
#include "server/stream/tail_buffer.h"
#include "server/stream/walk.h"
#include "server/wal/segments.h"
#include "server/wal/tail.h"

namespace server::stream {

// Where the WAL is, as one loop sees it: its timelines and its end, and for each position the file
// and how much of it may be sent.
//   Owner: the worker.  Thread: its loop's.
//   Borrows: the loop, the pool and the segments, which all outlive it.
//   Invariant: end() never passes what the reader published.
//   Limits: Options.
class WalView {
 public:
  struct Options {
    std::size_t segments_max = 64;
    std::size_t held_max = 256;  // beyond these, for messages that full sockets keep on their way
    std::size_t span_queue_items = 1024;
    HeldFiles::FindPlace find_place = runtime::find_peer_place;
  };
  using Waiter = SliceCache::Waiter;
  using Holder = SliceCache::Holder;
  using Availability = SliceCache::Availability;
  using Located = SliceCache::Located;

  WalView(runtime::Loop& loop, runtime::Pool& pool, wal::Segments& segments, Options options);

  // The reader's end of the queue.
  wal::WalSpanQueue& queue() { return spans_; }

  // Takes the spans that have come. Returns whether the end has moved or the timeline changed.
  bool take_spans();

  bool has_wal() const {
    loop_.assert_in_thread();
    return walk_.timelines() != nullptr;
  }
  // REQUIRES for the next two: has_wal().
  const wal::TimelineHistory& history() const { return timelines().history; }
  const wal::Timelines& timelines() const {
    loop_.assert_in_thread();
    return *walk_.timelines();
  }
  wal::Lsn end() const {
    loop_.assert_in_thread();
    return walk_.end();
  }
  // WAL that is not here yet, but will come, ends there.
  wal::Lsn promised() const {
    loop_.assert_in_thread();
    return promised_;
  }
  // The next transaction id, as far as the WAL up to end() shows.
  const wal::NextXid& next_xid() const {
    loop_.assert_in_thread();
    return next_xid_;
  }
  // Where a stream may begin at the latest: there it waits for its WAL. While nothing is promised
  // or refused yet, that is a segment behind the end: a standby that is further ahead has not lost
  // us by a crash of ours, and finds its WAL in its archive (walreceiver.c, where PostgreSQL's own
  // standby waits for as much).
  wal::Lsn start_max() const;
  // Whether a position is so near to the end that its bytes are proven and cached.
  bool is_hot(wal::Lsn lsn) const {
    loop_.assert_in_thread();
    return walk_.is_hot(lsn);
  }
  const wal::Identity& identity() const { return segments_.identity(); }
  const LagClock& lag_clock() const {
    loop_.assert_in_thread();
    return lag_clock_;
  }
  // How long its spans are on their way.
  StageClock& stages() {
    loop_.assert_in_thread();
    return stages_;
  }
  // Which files keep their bytes; what a PageHold asks.
  HeldFiles& held_files() {
    loop_.assert_in_thread();
    return held_files_;
  }

  // Where the WAL from `from` on is, and how much of it may be sent. REQUIRES: from < end().
  Located locate(wal::Lsn from, Waiter& waiter) {
    loop_.assert_in_thread();
    return slices_.locate(from, waiter);
  }

  // Keeps a segment open for a message on its way (slice_cache.h).
  void hold(const wal::SegmentRef& segment, Holder& holder) {
    loop_.assert_in_thread();
    slices_.hold(segment, holder);
  }

  // The bytes of [from, to), through a buffer that all sessions of this loop share. Valid until the
  // next call. A file that is not held may be recycled while it is read: then the error is that of
  // a removed segment. REQUIRES: they lie in `segment`, and are at most kChunkBytesMax.
  runtime::Result<std::span<const std::byte>> bytes(const wal::Segment& segment, wal::Lsn from,
                                                    wal::Lsn to, bool held = true);

  // WAL that this loop's sessions have put into messages. Any thread may ask.
  void count_sent(std::uint64_t bytes) {
    loop_.assert_in_thread();
    bytes_sent_.add(bytes);
  }
  std::uint64_t bytes_sent() const { return bytes_sent_.get(); }

  // The file of a segment has changed: it is opened and proven anew when it is next asked for.
  void forget(wal::SegmentNo no);
  // Looks again at slices that stopped at a bad record, for files whose changes are not reported.
  void retry_stopped() {
    loop_.assert_in_thread();
    slices_.retry_stopped();
  }

 private:
  void take(const wal::WalSpan& span) REQUIRES(loop_);

  runtime::Loop& loop_;
  wal::Segments& segments_;
  wal::WalSpanQueue spans_;
  runtime::Counter bytes_sent_;

  Walk walk_ GUARDED_BY(loop_);
  wal::Lsn promised_ GUARDED_BY(loop_);
  wal::NextXid next_xid_ GUARDED_BY(loop_);
  LagClock lag_clock_ GUARDED_BY(loop_);
  StageClock stages_ GUARDED_BY(loop_);
  HeldFiles held_files_ GUARDED_BY(loop_);
  SliceCache slices_ GUARDED_BY(loop_);
  TailBuffer tail_ GUARDED_BY(loop_);
};

}  // namespace server::stream
