#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/counters.h"
#include "runtime/intrusive_list.h"
#include "runtime/loop.h"
#include "runtime/pool.h"
#include "runtime/result.h"
#include "server/stream/lag_clock.h"
#include "server/wal/segments.h"
#include "server/wal/tail.h"

namespace server::stream {

// One loop's view of the WAL: where it ends, which segments are open here, and which of their
// slices may be sent without blocking.
//   Owner: the worker.  Thread: its loop's.
//   Borrows: the loop, the pool, the segments (all outlive it).
//   Invariant: end() never passes what the reader published; [.., ready_to) of an answer is proven,
//   and was in the page cache a moment ago.
//   Limits: segments_max open segments, beyond those that somebody waits for or was told of.
class WalView {
 public:
  struct Options {
    std::size_t segments_max = 64;
    std::size_t span_queue_items = 1024;
  };

  // Who waits for a slice is told once, from the loop, when it is worth asking again. Until it asks
  // or stops waiting, what it was told of stays open.
  class Waiter {
   public:
    Waiter() : link_(*this) {}
    virtual ~Waiter() = default;
    virtual void on_wal_ready() = 0;
    void stop_waiting() {
      link_.unlink();
      failure_.reset();
    }

   private:
    friend class WalView;
    runtime::ListLink<Waiter> link_;
    std::uint32_t slice_ = 0;                // that it waits for
    std::optional<runtime::Error> failure_;  // why that cannot be had, for when it asks again
  };

  // Who has handed pages of files to a socket is told when files may be overwritten that were not
  // to be until then.
  class PageUser {
   public:
    PageUser() : link_(*this) {}
    virtual ~PageUser() = default;
    virtual void on_files_released() = 0;

   protected:
    void stop_using_pages() { link_.unlink(); }

   private:
    friend class WalView;
    runtime::ListLink<PageUser> link_;
  };

  enum class Availability {
    kReady,    // [from, ready_to) of `segment` may be sent now
    kPending,  // the waiter will be told
    kFailed,   // `error`: the segment is not there, or cannot be read
  };
  struct Located {
    Availability availability;
    const wal::SegmentRef* segment = nullptr;  // valid until the end of the turn
    wal::Lsn ready_to;
    std::optional<runtime::Error> error = {};
  };

  WalView(runtime::Loop& loop, runtime::Pool& pool, wal::Segments& segments, Options options);

  // The reader's end of the queue.
  wal::WalSpanQueue& queue() { return spans_; }

  // Takes the spans that have come. Returns whether the end has moved or the timeline changed.
  bool take_spans();

  bool has_wal() const {
    loop_.assert_in_thread();
    return timelines_ != nullptr;
  }
  // REQUIRES for the next two: has_wal().
  const wal::TimelineHistory& history() const {
    loop_.assert_in_thread();
    return timelines_->history;
  }
  const wal::Timelines& timelines() const {
    loop_.assert_in_thread();
    return *timelines_;
  }
  wal::Lsn end() const {
    loop_.assert_in_thread();
    return end_;
  }
  const wal::Identity& identity() const { return segments_.identity(); }
  const LagClock& lag_clock() const {
    loop_.assert_in_thread();
    return lag_clock_;
  }
  // Whether the files of WAL from `lsn` on keep their bytes for as long as we like. Those of other
  // WAL may be recycled, as a live pg_wal's are: then no page of them may be in a socket.
  bool is_held(wal::Lsn lsn) const {
    loop_.assert_in_thread();
    return lsn >= held_from_;
  }
  wal::Pins& pins() { return segments_.pins(); }
  // REQUIRES: held WAL.
  void add_page_user(PageUser& user) {
    loop_.assert_in_thread();
    page_users_.push_back(user.link_);
  }
  // WAL that is not here yet, but will come, ends there.
  wal::Lsn promised() const {
    loop_.assert_in_thread();
    return promised_;
  }
  // Whether a position is so near to the end that its bytes are proven and cached.
  bool is_hot(wal::Lsn lsn) const;

  // Where the WAL from `from` on is, and how much of it may be sent. REQUIRES: from < end().
  Located locate(wal::Lsn from, Waiter& waiter);

  // The bytes of [from, to), through a buffer that all sessions of this loop share, so that a new
  // commit is read once and not once per standby. Valid until the next call. Of a file that was
  // recycled meanwhile, which can be only if it is not held, they are none: that is the error of a
  // removed segment.
  // REQUIRES: they lie in `segment`, and are at most kTailBytesMax.
  runtime::Result<std::span<const std::byte>> bytes(const wal::Segment& segment, wal::Lsn from,
                                                    wal::Lsn to, bool held = true);
  static constexpr std::size_t kTailBytesMax = 128 * 1024;

  // WAL that this loop's sessions have put into messages. Any thread may ask.
  void count_sent(std::uint64_t bytes) {
    loop_.assert_in_thread();
    bytes_sent_.add(bytes);
  }
  std::uint64_t bytes_sent() const { return bytes_sent_.get(); }

  // The file of a segment has changed: it is opened and proven anew when next asked for.
  void forget(wal::SegmentNo no);
  // Looks again at what stopped at a bad record, for files whose changes nobody reports.
  void retry_stopped();

 private:
  struct Slice {
    enum class State { kUnknown, kPreparing, kReady, kStopped };
    State state = State::kUnknown;
    wal::Lsn proven_to;
    runtime::Instant warmed_at{};
  };
  struct OpenSegment {
    wal::SegmentRef segment;  // null until a job has opened it
    std::vector<Slice> slices;
    runtime::IntrusiveList<Waiter> waiters;
    runtime::IntrusiveList<Waiter> told;  // and not back yet
    std::size_t jobs = 0;                 // in the pool
    std::uint64_t last_used = 0;          // by use_counter_
    std::uint32_t epoch = 0;              // jobs started before the last close() are stale

    bool in_use() const { return jobs > 0 || !waiters.empty() || !told.empty(); }
  };
  class PrepareJob;

  OpenSegment& at(wal::SegmentNo no) REQUIRES(loop_);
  void request(wal::SegmentNo no, OpenSegment& open, wal::Lsn lsn) REQUIRES(loop_);
  void on_prepared(wal::SegmentNo no, std::uint32_t slice, std::uint32_t epoch,
                   runtime::Result<wal::PreparedSlice> result) REQUIRES(loop_);
  bool is_warm(const OpenSegment& open, const Slice& slice, wal::Lsn lsn) const REQUIRES(loop_);
  void read_ahead(wal::SegmentNo no, OpenSegment& open, wal::Lsn next) REQUIRES(loop_);
  void close(OpenSegment& open) REQUIRES(loop_);
  void wake(OpenSegment& open) REQUIRES(loop_);
  void release_files() REQUIRES(loop_);
  void evict() REQUIRES(loop_);
  std::uint32_t slice_of(wal::Lsn lsn) const;

  runtime::Loop& loop_;
  runtime::Pool& pool_;
  wal::Segments& segments_;
  const Options options_;
  wal::WalSpanQueue spans_;
  runtime::Counter bytes_sent_;

  const wal::Timelines* timelines_ GUARDED_BY(loop_) = nullptr;
  // The reader has proven everything from here to end_, in the files that have these names now.
  wal::Lsn walked_from_ GUARDED_BY(loop_);
  wal::Lsn end_ GUARDED_BY(loop_);
  wal::Lsn held_from_ GUARDED_BY(loop_);
  wal::Lsn promised_ GUARDED_BY(loop_);
  runtime::IntrusiveList<PageUser> page_users_ GUARDED_BY(loop_);
  LagClock lag_clock_ GUARDED_BY(loop_);

  std::map<wal::SegmentNo, OpenSegment> open_ GUARDED_BY(loop_);
  std::uint64_t use_counter_ GUARDED_BY(loop_) = 0;

  // The bytes of [tail_begin_, tail_begin_ + tail_size_).
  std::vector<std::byte> tail_ GUARDED_BY(loop_);
  wal::Lsn tail_begin_ GUARDED_BY(loop_);
  std::size_t tail_size_ GUARDED_BY(loop_) = 0;
};

}  // namespace server::stream
