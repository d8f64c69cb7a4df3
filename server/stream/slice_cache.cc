#include "server/stream/slice_cache.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/check.h"

namespace server::stream {

using wal::kSliceBytes;
using wal::Lsn;
using wal::SegmentNo;

// Opens a segment if need be, and makes one slice of it ready. How much that takes was decided when
// the job was submitted; if the file has changed since, the job's epoch is over. A proof that turns
// out to be long is given up, and made by another job, so that no proof of a slice waits long. Such
// jobs of one record go one after another, since the first proves all slices of the record.
class SliceCache::PrepareJob final : public runtime::Job {
 public:
  PrepareJob(SliceCache& cache, SegmentNo no, std::uint32_t epoch, wal::SegmentRef segment, Lsn lsn,
             wal::Effort effort, Lsn long_record)
      : cache_(cache),
        segments_(cache.segments_),
        timelines_(*cache.walk_.timelines()),
        no_(no),
        epoch_(epoch),
        segment_(std::move(segment)),
        lsn_(lsn),
        effort_(effort),
        long_record_(long_record),
        wal_end_(cache.walk_.end()),
        hot_(cache.walk_.is_hot(lsn)),
        walked_(cache.walk_.has_proven_slice(lsn)) {}

  runtime::JobKind kind() const {
    if (hot_ || walked_) return runtime::JobKind::kRead;
    return effort_ == wal::Effort::kShort ? runtime::JobKind::kCompute : runtime::JobKind::kLong;
  }

  std::uint64_t party() const override { return long_record_.value(); }

  void work() override { result_ = prepare(); }

  void done() override {
    cache_.loop_.assert_in_thread();
    cache_.on_prepared(no_, lsn_, epoch_, std::move(*result_));
  }

 private:
  // Hot WAL needs a file, and no look at it. Other WAL of the reader's walk is read into the page
  // cache, if it is in the file that the reader has read, and all else is proven too.
  runtime::Result<wal::PreparedSlice> prepare() {
    if (segment_ == nullptr) segment_ = TRY(segments_.open(timelines_, lsn_));
    if (hot_) return wal::PreparedSlice{std::move(segment_), Lsn(), false};
    if (walked_ && segments_.was_walked(*segment_))
      return segments_.warm(std::move(segment_), lsn_, wal_end_);
    return segments_.prepare(timelines_, std::move(segment_), lsn_, wal_end_, effort_);
  }

  SliceCache& cache_;
  wal::Segments& segments_;
  const wal::Timelines& timelines_;
  const SegmentNo no_;
  const std::uint32_t epoch_;
  wal::SegmentRef segment_;
  const Lsn lsn_;
  const wal::Effort effort_;
  const Lsn long_record_;
  const Lsn wal_end_;
  const bool hot_;
  const bool walked_;
  std::optional<runtime::Result<wal::PreparedSlice>> result_;
};

// Reads what a holder needs of a segment that is to be closed, so that the loop need not wait for
// the disk. What cannot be read, the holder finds out.
class SliceCache::FetchJob final : public runtime::Job {
 public:
  FetchJob(SliceCache& cache, std::uint64_t fetch, Holder::Held held)
      : cache_(cache), fetch_(fetch), held_(std::move(held)) {}

  void work() override {
    std::vector<std::byte> bytes(held_.to - held_.from);
    const auto offset = static_cast<std::uint32_t>(held_.from - held_.segment->begin());
    static_cast<void>(held_.segment->read(offset, bytes));
    held_.segment.reset();
  }

  void done() override {
    cache_.loop_.assert_in_thread();
    cache_.on_fetched(fetch_);
  }

 private:
  SliceCache& cache_;
  const std::uint64_t fetch_;
  Holder::Held held_;
};

SliceCache::Located SliceCache::locate(Lsn from, Waiter& waiter) {
  loop_.assert_in_thread();
  DCHECK(from < walk_.end());
  std::optional<runtime::Error> failure = std::exchange(waiter.failure_, std::nullopt);
  waiter.stop_waiting();
  if (failure.has_value()) return {Availability::kFailed, nullptr, Lsn(), std::move(failure)};
  const SegmentNo no = segment_size().segment_of(from);
  if (no == SegmentNo{0}) {  // no cluster has had one, so no file is looked for
    const auto timeline = walk_.timelines()->history.file_timeline(no, segment_size());
    return {Availability::kFailed, nullptr, Lsn(),
            wal::segment_removed(timeline, no, segment_size())};
  }
  OpenSegment& open = at(no);
  if (open.segment == nullptr) {
    request(no, open, from);
    return wait(open, from, waiter);
  }
  const Lsn limit = std::min(walk_.end(), segment_size().end(no));
  if (walk_.is_hot(from)) return {Availability::kReady, &open.segment, limit, std::nullopt};

  Slice& slice = open.slices[slice_of(from)];
  slice.proven_to = proven_to(slice, from);
  if (from < slice.proven_to && is_warm(open, slice, from)) {
    read_ahead(no, open, slice_start(from) + kSliceBytes);
    return {Availability::kReady, &open.segment, std::min(limit, slice.proven_to), std::nullopt};
  }
  if (slice.state != Slice::State::kStopped) request(no, open, from);
  return wait(open, from, waiter);
}

SliceCache::Located SliceCache::wait(OpenSegment& open, Lsn lsn, Waiter& waiter) {
  open.waiters.push_back(waiter.link_);
  waiter.slice_ = slice_of(lsn);
  return {Availability::kPending, nullptr, Lsn(), std::nullopt};
}

// How far the slice of `lsn` is proven. The reader's walk proves a slice that a job has only opened
// the file for, because it was hot then. A slice that had no job counts as unproven even in the
// walk: the kernel may not say what is cached (wal/segment.h), so a job must have read the slice
// once.
Lsn SliceCache::proven_to(const Slice& slice, Lsn lsn) const {
  const bool walked = slice.state == Slice::State::kReady && walk_.has_proven_slice(lsn);
  return walked ? std::min(slice_start(lsn) + kSliceBytes, walk_.end()) : slice.proven_to;
}

void SliceCache::hold(const wal::SegmentRef& segment, Holder& holder) {
  loop_.assert_in_thread();
  const auto found = open_.find(segment->no());
  if (found == open_.end() || found->second.segment != segment) return let_go(holder);
  found->second.holders.push_back(holder.link_);
}

void SliceCache::release(SegmentNo no) {
  loop_.assert_in_thread();
  const auto found = open_.find(no);
  if (found != open_.end()) let_go(found->second.holders);
}

// A holder that is told may end its stream and its session, but asks for no WAL.
void SliceCache::let_go(runtime::IntrusiveList<Holder>& holders) {
  runtime::IntrusiveList<Holder> told;
  told.take_all(holders);
  while (Holder* holder = told.pop_front()) let_go(*holder);
}

void SliceCache::let_go(Holder& holder) {
  constexpr std::uint32_t kMemoryPageBytes = 4096;
  Holder::Held held = holder.held();
  const std::uint32_t offset = segment_size().offset(held.from);
  const std::uint32_t begin = offset - offset % kMemoryPageBytes;
  const auto end = offset + static_cast<std::uint32_t>(held.to - held.from);
  if (held.segment->is_resident(begin, end - begin)) return holder.on_segment_wanted();
  leaving_[++fetches_].push_back(holder.link_);
  pool_.submit(std::make_unique<FetchJob>(*this, fetches_, std::move(held)), loop_.mailbox(),
               runtime::JobKind::kRead);
}

// The holder may have gone, or have sent its message, meanwhile.
void SliceCache::on_fetched(std::uint64_t fetch) {
  const auto leaving = leaving_.extract(fetch);
  while (Holder* holder = leaving.mapped().pop_front()) holder->on_segment_wanted();
}

void SliceCache::forget(SegmentNo first, SegmentNo last) {
  loop_.assert_in_thread();
  const auto behind = open_.upper_bound(last);
  for (auto it = open_.lower_bound(first); it != behind; ++it) close(it->second);
}

void SliceCache::close(OpenSegment& open) {
  ++open.epoch;
  open.segment.reset();
  open.told.for_each([](Waiter& waiter) { waiter.failure_.reset(); });
  std::fill(open.slices.begin(), open.slices.end(), Slice());
  wake(open);
}

void SliceCache::retry_stopped() {
  loop_.assert_in_thread();
  for (auto& [no, open] : open_) {
    if (open.waiters.empty()) continue;
    for (Slice& slice : open.slices) {
      if (slice.state == Slice::State::kStopped) slice.state = Slice::State::kUnknown;
    }
    wake(open);
  }
}

SliceCache::OpenSegment& SliceCache::at(SegmentNo no) {
  const auto [found, added] = open_.try_emplace(no);
  OpenSegment& open = found->second;
  open.last_used = ++use_counter_;
  if (added) open.slices.resize(segment_size().bytes() / kSliceBytes);
  if (++calls_ * kLooksPerCall >= open_.size()) evict();
  return open;
}

void SliceCache::request(SegmentNo no, OpenSegment& open, Lsn lsn) {
  Slice& slice = open.slices[slice_of(lsn)];
  if (slice.state == Slice::State::kPreparing) return;
  slice.state = Slice::State::kPreparing;
  submit(no, open, lsn, wal::Effort::kShort);
}

void SliceCache::submit(SegmentNo no, OpenSegment& open, Lsn lsn, wal::Effort effort,
                        Lsn long_record) {
  ++open.jobs;
  auto job =
      std::make_unique<PrepareJob>(*this, no, open.epoch, open.segment, lsn, effort, long_record);
  const runtime::JobKind kind = job->kind();
  pool_.submit(std::move(job), loop_.mailbox(), kind);
}

void SliceCache::on_prepared(SegmentNo no, Lsn lsn, std::uint32_t epoch,
                             runtime::Result<wal::PreparedSlice> result) {
  const std::uint32_t slice_index = slice_of(lsn);
  OpenSegment& open = open_.at(no);
  DCHECK(open.jobs > 0);
  --open.jobs;
  Slice& slice = open.slices[slice_index];
  if (epoch != open.epoch) {
    // The result is of a file that has changed since, and the slice's state is not this job's any
    // more. The senders that still wait ask anew, or wait for the slice's new job.
  } else if (result && result->long_record.has_value()) {
    return submit(no, open, lsn, wal::Effort::kWhatever, *result->long_record);
  } else if (!result) {
    slice.state = Slice::State::kUnknown;
    const auto tell = [&](Waiter& waiter) {
      if (waiter.slice_ == slice_index) waiter.failure_ = result.error();
    };
    open.waiters.for_each(tell);
    open.told.for_each(tell);
  } else {
    open.segment = std::move(result->segment);
    slice.proven_to = result->proven_to;
    slice.state = result->stopped ? Slice::State::kStopped : Slice::State::kReady;
    slice.warm_at = loop_.now();
  }
  wake(open);
}

// A slice that a job has just read counts as cached, whatever the kernel says: where it never says
// yes, a sender would wait for one job after another for ever. So does one that the kernel has just
// said yes to, so that it is not asked for each message of each reader.
bool SliceCache::is_warm(const OpenSegment& open, Slice& slice, Lsn lsn) const {
  if (loop_.now() - slice.warm_at < kWarmTime) return true;
  const auto bytes = static_cast<std::uint32_t>(slice.proven_to - slice_start(lsn));
  if (!open.segment->is_resident(segment_size().offset(slice_start(lsn)), bytes)) return false;
  slice.warm_at = loop_.now();
  return true;
}

// Some slices ahead of a sender that catches up, so that it seldom has to wait, and the pool's
// threads prove several at a time.
void SliceCache::read_ahead(SegmentNo no, OpenSegment& open, Lsn next) {
  const Lsn limit = std::min({next + kSlicesAhead * kSliceBytes, walk_.end(), open.segment->end()});
  for (; next < limit && !walk_.is_hot(next); next += kSliceBytes) {
    if (open.slices[slice_of(next)].state == Slice::State::kUnknown) request(no, open, next);
  }
}

void SliceCache::wake(OpenSegment& open) {
  runtime::IntrusiveList<Waiter> woken;
  woken.take_all(open.waiters);
  while (Waiter* waiter = woken.pop_front()) {
    open.told.push_back(waiter->link_);
    waiter->on_wal_ready();
  }
}

// The least recently used segments go, but none that a sender waits for: else standbys in more
// segments than may stay open would take them from each other before any of them has sent anything,
// for ever. Of those that are only held, held_max stay. All of them are looked at, so it is done
// once for so many calls that each costs a few looks, however large the crowd.
void SliceCache::evict() {
  calls_ = 0;
  close_oldest(segments_max_, [](const OpenSegment& open) { return open.in_use(); });
  close_oldest(segments_max_ + held_max_, [](const OpenSegment& open) { return open.in_demand(); });
}

// Closes the oldest of those that are not spared, until no more than `open_max` are open.
template <typename Spared>
void SliceCache::close_oldest(std::size_t open_max, Spared spared) {
  if (open_.size() <= open_max) return;
  looks_ += open_.size();
  std::vector<OpenSegments::iterator> closed;
  for (auto it = open_.begin(); it != open_.end(); ++it) {
    const OpenSegment& open = it->second;
    if (!spared(open) && open.last_used != use_counter_) closed.push_back(it);
  }
  if (const std::size_t excess = open_.size() - open_max; closed.size() > excess) {
    const auto older = [](const auto& a, const auto& b) {
      return a->second.last_used < b->second.last_used;
    };
    const auto kept = closed.begin() + static_cast<std::ptrdiff_t>(excess);
    std::nth_element(closed.begin(), kept, closed.end(), older);
    closed.erase(kept, closed.end());
  }
  runtime::IntrusiveList<Holder> holders;
  for (const auto& it : closed) {
    holders.take_all(it->second.holders);
    open_.erase(it);
  }
  let_go(holders);
}

std::uint32_t SliceCache::slice_of(Lsn lsn) const {
  return segment_size().offset(lsn) / kSliceBytes;
}

}  // namespace server::stream
