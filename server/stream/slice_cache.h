#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/intrusive_list.h"
#include "runtime/loop.h"
#include "runtime/pool.h"
#include "runtime/result.h"
#include "server/stream/walk.h"
#include "server/wal/segments.h"

namespace server::stream {

// The segments that one loop has open, and which of their slices may be sent without blocking it.
// The pool opens segments, and reads and proves slices; the senders that wait for it are listed
// here.
//   Owner: WalView.  Thread: the loop's; jobs run in the pool and report to the loop.
//   Borrows: the loop, the pool, the segments and the walk, which all outlive it.
//   Invariant: [from, ready_to) of an answer is proven, and was in the page cache a moment ago.
//   Limits: segments_max open segments, beyond those that a sender waits for or was told of, and
//   held_max that messages on their way keep open; for a while an eighth more of all of them. A
//   segment that these are to let go of, and whose pages are not cached, stays open beyond that
//   until the pool has read them.
class SliceCache {
 public:
  // A sender that waits for a slice. It is told once, from the loop, when it is worth asking again.
  // Until it asks or stops waiting, the segment that it was told of stays open.
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
    friend class SliceCache;
    runtime::ListLink<Waiter> link_;
    std::uint32_t slice_ = 0;                // the one that this waiter waits for
    std::optional<runtime::Error> failure_;  // why that slice cannot be had: the next answer
  };

  // A message that a full socket keeps on its way, and that is sent from an open segment.
  class Holder {
   public:
    Holder() : link_(*this) {}
    virtual ~Holder() = default;
    struct Held {
      wal::SegmentRef segment;
      wal::Lsn from;
      wal::Lsn to;
    };
    // What the segment is held for, at most a slice. REQUIRES: it is held.
    virtual Held held() const = 0;
    // The segment is to be closed: its file is gone or has changed, or too many are held. The
    // holder is off the list, and lets go of the segment before it returns. Its bytes were in the
    // page cache a moment ago, unless they cannot be read.
    virtual void on_segment_wanted() = 0;

   protected:
    void stop_holding() { link_.unlink(); }

   private:
    friend class SliceCache;
    runtime::ListLink<Holder> link_;
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

  SliceCache(runtime::Loop& loop, runtime::Pool& pool, wal::Segments& segments, const Walk& walk,
             std::size_t segments_max, std::size_t held_max)
      : loop_(loop),
        pool_(pool),
        segments_(segments),
        walk_(walk),
        segments_max_(segments_max),
        held_max_(held_max) {}

  // Where the WAL from `from` on is, and how much of it may be sent. REQUIRES: from < walk.end().
  Located locate(wal::Lsn from, Waiter& waiter);

  // The segment stays open until the holder stops, or is told to let go, which may be at once: a
  // segment that is not among those of this cache is to be closed.
  void hold(const wal::SegmentRef& segment, Holder& holder);
  // The file of a segment is gone or has changed: those that hold it are told, once their bytes are
  // in the page cache.
  void release(wal::SegmentNo no);

  // The files of the segments from `first` to `last` are others than before, or have other bytes:
  // each is opened and proven anew when it is next asked for.
  void forget(wal::SegmentNo first, wal::SegmentNo last);
  // Looks again at slices that stopped at a bad record, for files whose changes are not reported.
  void retry_stopped();

  // How many open segments were looked at for those that may be closed.
  std::uint64_t looks_for_test() const {
    loop_.assert_in_thread();
    return looks_;
  }

 private:
  struct Slice {
    enum class State { kUnknown, kPreparing, kReady, kStopped };
    State state = State::kUnknown;
    wal::Lsn proven_to;
    runtime::Instant warm_at{};  // when it was in the page cache
  };
  struct OpenSegment {
    wal::SegmentRef segment;  // null until a job has opened it
    std::vector<Slice> slices;
    runtime::IntrusiveList<Waiter> waiters;
    runtime::IntrusiveList<Waiter> told;  // and have not asked again yet
    runtime::IntrusiveList<Holder> holders;
    std::size_t jobs = 0;         // in the pool
    std::uint64_t last_used = 0;  // by use_counter_
    std::uint32_t epoch = 0;      // jobs that were submitted in an earlier one are stale

    bool in_demand() const { return jobs > 0 || !waiters.empty() || !told.empty(); }
    bool in_use() const { return in_demand() || !holders.empty(); }
  };
  class PrepareJob;
  class FetchJob;
  using OpenSegments = std::map<wal::SegmentNo, OpenSegment>;

  static constexpr std::uint64_t kSlicesAhead = 2;
  static constexpr std::size_t kLooksPerCall = 8;
  // Whatever was cached so short a time ago still is.
  static constexpr runtime::Duration kWarmTime = std::chrono::seconds(1);

  wal::SegmentSize segment_size() const { return segments_.identity().segment_size; }
  std::uint32_t slice_of(wal::Lsn lsn) const;

  OpenSegment& at(wal::SegmentNo no) REQUIRES(loop_);
  Located wait(OpenSegment& open, wal::Lsn lsn, Waiter& waiter) REQUIRES(loop_);
  void request(wal::SegmentNo no, OpenSegment& open, wal::Lsn lsn) REQUIRES(loop_);
  // A `long_record` is the begin of the record that the slice's proof takes long for.
  void submit(wal::SegmentNo no, OpenSegment& open, wal::Lsn lsn, wal::Effort effort,
              wal::Lsn long_record = {}) REQUIRES(loop_);
  void on_prepared(wal::SegmentNo no, wal::Lsn lsn, std::uint32_t epoch,
                   runtime::Result<wal::PreparedSlice> result) REQUIRES(loop_);
  wal::Lsn proven_to(const Slice& slice, wal::Lsn lsn) const REQUIRES(loop_);
  bool is_warm(const OpenSegment& open, Slice& slice, wal::Lsn lsn) const REQUIRES(loop_);
  void read_ahead(wal::SegmentNo no, OpenSegment& open, wal::Lsn next) REQUIRES(loop_);
  void close(OpenSegment& open) REQUIRES(loop_);
  void wake(OpenSegment& open) REQUIRES(loop_);
  void let_go(runtime::IntrusiveList<Holder>& holders) REQUIRES(loop_);
  void let_go(Holder& holder) REQUIRES(loop_);
  void on_fetched(std::uint64_t fetch) REQUIRES(loop_);
  void evict() REQUIRES(loop_);
  template <typename Spared>
  void close_oldest(std::size_t open_max, Spared spared) REQUIRES(loop_);

  runtime::Loop& loop_;
  runtime::Pool& pool_;
  wal::Segments& segments_;
  const Walk& walk_;
  const std::size_t segments_max_;
  const std::size_t held_max_;

  OpenSegments open_ GUARDED_BY(loop_);
  std::uint64_t use_counter_ GUARDED_BY(loop_) = 0;
  std::size_t calls_ GUARDED_BY(loop_) = 0;  // of at(), since evict()
  std::uint64_t looks_ GUARDED_BY(loop_) = 0;
  // The holders whose bytes the pool reads before they are told to let go, by the number of the job
  // that does so.
  std::map<std::uint64_t, runtime::IntrusiveList<Holder>> leaving_ GUARDED_BY(loop_);
  std::uint64_t fetches_ GUARDED_BY(loop_) = 0;
};

}  // namespace server::stream
