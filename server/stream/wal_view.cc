#include "server/stream/wal_view.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "runtime/check.h"
#include "runtime/errors.h"

namespace server::stream {

using wal::kSliceBytes;
using wal::Lsn;
using wal::SegmentNo;
using wal::TimelineId;

namespace {

constexpr Lsn slice_start(Lsn lsn) { return Lsn(lsn.value() - lsn.value() % kSliceBytes); }

}  // namespace

// Opens a segment if need be, and reads and checks one slice of it.
class WalView::PrepareJob final : public runtime::Job {
 public:
  PrepareJob(WalView& view, SegmentNo no, std::uint32_t epoch, wal::SegmentRef segment, Lsn lsn)
      : view_(view),
        segments_(view.segments_),
        timelines_(*view.timelines_),
        no_(no),
        epoch_(epoch),
        segment_(std::move(segment)),
        lsn_(lsn),
        wal_end_(view.end_),
        hot_(view.is_hot(lsn)) {}

  void work() override { result_ = prepare(); }

  void done() override {
    view_.loop_.assert_in_thread();
    view_.on_prepared(no_, view_.slice_of(lsn_), epoch_, std::move(*result_));
  }

 private:
  runtime::Result<wal::PreparedSlice> prepare() {
    if (segment_ == nullptr) segment_ = TRY(segments_.open(timelines_, lsn_));
    // The reader has only just proven what is hot: it needs a file, and no second look.
    if (hot_) return wal::PreparedSlice{std::move(segment_), Lsn(), false};
    return segments_.prepare(timelines_, std::move(segment_), lsn_, wal_end_);
  }

  WalView& view_;
  wal::Segments& segments_;
  const wal::Timelines& timelines_;
  const SegmentNo no_;
  const std::uint32_t epoch_;
  wal::SegmentRef segment_;
  const Lsn lsn_;
  const Lsn wal_end_;
  const bool hot_;
  std::optional<runtime::Result<wal::PreparedSlice>> result_;
};

WalView::WalView(runtime::Loop& loop, runtime::Pool& pool, wal::Segments& segments, Options options)
    : loop_(loop),
      pool_(pool),
      segments_(segments),
      options_(options),
      spans_(options.span_queue_items, loop.doorbell()),
      tail_(2 * kTailBytesMax) {}

bool WalView::take_spans() {
  loop_.assert_in_thread();
  bool moved = false;
  wal::WalSpan span;
  while (spans_.pop(span)) {
    if (span.timelines != timelines_) {
      const bool same = timelines_ != nullptr && history().tip() == span.timelines->history.tip();
      // What comes before is in another file now, of which nobody has looked at that part.
      if (!same || span.begin > end_) walked_from_ = span.begin;
      timelines_ = span.timelines;
      // What followed the fork on the old timeline is no longer this history's.
      for (auto it = open_.lower_bound(identity().segment_size.segment_of(span.begin));
           it != open_.end(); ++it) {
        close(it->second);
      }
      tail_size_ = 0;
    }
    if (span.file_replaced) {
      const auto last = open_.upper_bound(identity().segment_size.segment_of(span.end));
      for (auto it = open_.lower_bound(identity().segment_size.segment_of(span.begin)); it != last;
           ++it) {
        close(it->second);
      }
      // The span may be the sum of two, of which only the second is from the new file.
      walked_from_ = std::max(walked_from_, span.end);
    }
    end_ = span.end;
    promised_ = span.promised;
    if (std::exchange(held_from_, span.held_from) < span.held_from) release_files();
    lag_clock_.sample(span.end, span.published);
    moved = true;
  }
  return moved;
}

// Each adds itself again when it has handed out pages again.
void WalView::release_files() {
  runtime::IntrusiveList<PageUser> told;
  told.take_all(page_users_);
  while (PageUser* user = told.pop_front()) user->on_files_released();
}

// The slice of the end and the one before it.
bool WalView::is_hot(Lsn lsn) const {
  loop_.assert_in_thread();
  return lsn >= walked_from_ && slice_start(lsn) + 2 * std::uint64_t{kSliceBytes} > end_;
}

WalView::Located WalView::locate(Lsn from, Waiter& waiter) {
  loop_.assert_in_thread();
  DCHECK(from < end_);
  std::optional<runtime::Error> failure = std::exchange(waiter.failure_, std::nullopt);
  waiter.stop_waiting();
  if (failure.has_value()) return {Availability::kFailed, nullptr, Lsn(), std::move(failure)};
  const SegmentNo no = identity().segment_size.segment_of(from);
  if (no == SegmentNo{0}) {  // no cluster has had one, so nobody need look
    const TimelineId timeline = history().file_timeline(no, identity().segment_size);
    return {Availability::kFailed, nullptr, Lsn(),
            wal::segment_removed(timeline, no, identity().segment_size)};
  }
  OpenSegment& open = at(no);
  const auto wait = [&] {
    open.waiters.push_back(waiter.link_);
    waiter.slice_ = slice_of(from);
    return Located{Availability::kPending, nullptr, Lsn(), std::nullopt};
  };
  if (open.segment == nullptr) {
    request(no, open, from);
    return wait();
  }
  const Lsn limit = std::min(end_, identity().segment_size.end(no));
  if (is_hot(from)) return {Availability::kReady, &open.segment, limit, std::nullopt};

  const Slice& slice = open.slices[slice_of(from)];
  if (from < slice.proven_to && is_warm(open, slice, from)) {
    read_ahead(no, open, slice_start(from) + kSliceBytes);
    return {Availability::kReady, &open.segment, std::min(limit, slice.proven_to), std::nullopt};
  }
  if (slice.state != Slice::State::kStopped) request(no, open, from);
  return wait();
}

runtime::Result<std::span<const std::byte>> WalView::bytes(const wal::Segment& segment, Lsn from,
                                                           Lsn to, bool held) {
  loop_.assert_in_thread();
  CHECK(segment.begin() <= from && from < to && to <= segment.end() && to - from <= kTailBytesMax);
  const Lsn have_to = tail_begin_ + tail_size_;
  const bool starts_inside = tail_size_ > 0 && tail_begin_ <= from && from <= have_to;
  if (!starts_inside || to - tail_begin_ > tail_.size()) {
    tail_begin_ = from;
    tail_size_ = 0;
  }
  // What is already here stays valid: WAL below the end does not change.
  const bool read_all = tail_begin_ + tail_size_ >= to;
  while (tail_begin_ + tail_size_ < to) {
    const Lsn at = tail_begin_ + tail_size_;
    const auto wanted = static_cast<std::size_t>(to - at);
    const auto into = std::span(tail_).subspan(tail_size_, wanted);
    const auto read = TRY(segment.read(identity().segment_size.offset(at), into));
    if (read < wanted) {
      return runtime::Error{.kind = &runtime::kDataCorrupted,
                            .what = runtime::format(
                                "could not read from log segment {}, offset {}: read {} of {}",
                                segment.name(), identity().segment_size.offset(at), read, wanted)};
    }
    tail_size_ += read;
  }
  // A file is renamed before it is overwritten. What it held under its name is what was read.
  if (!read_all && !held && !segments_.is_current(segment)) {
    tail_size_ = 0;
    return wal::segment_removed(segment.timeline(), segment.no(), identity().segment_size);
  }
  return std::span<const std::byte>(tail_).subspan(static_cast<std::size_t>(from - tail_begin_),
                                                   static_cast<std::size_t>(to - from));
}

void WalView::forget(SegmentNo no) {
  loop_.assert_in_thread();
  const Lsn changed_to = identity().segment_size.end(no);
  walked_from_ = std::max(walked_from_, changed_to);
  const auto found = open_.find(no);
  if (found != open_.end()) close(found->second);
}

void WalView::close(OpenSegment& open) {
  ++open.epoch;
  open.segment.reset();
  open.told.for_each([](Waiter& waiter) { waiter.failure_.reset(); });
  std::fill(open.slices.begin(), open.slices.end(), Slice());
  tail_size_ = 0;
  wake(open);
}

void WalView::retry_stopped() {
  loop_.assert_in_thread();
  for (auto& [no, open] : open_) {
    if (open.waiters.empty()) continue;
    for (Slice& slice : open.slices) {
      if (slice.state == Slice::State::kStopped) slice.state = Slice::State::kUnknown;
    }
    wake(open);
  }
}

WalView::OpenSegment& WalView::at(SegmentNo no) {
  const auto [found, added] = open_.try_emplace(no);
  OpenSegment& open = found->second;
  open.last_used = ++use_counter_;
  if (added) open.slices.resize(identity().segment_size.bytes() / kSliceBytes);
  evict();
  return open;
}

void WalView::request(SegmentNo no, OpenSegment& open, Lsn lsn) {
  Slice& slice = open.slices[slice_of(lsn)];
  if (slice.state == Slice::State::kPreparing) return;
  slice.state = Slice::State::kPreparing;
  ++open.jobs;
  pool_.submit(std::make_unique<PrepareJob>(*this, no, open.epoch, open.segment, lsn),
               loop_.mailbox());
}

void WalView::on_prepared(SegmentNo no, std::uint32_t slice_index, std::uint32_t epoch,
                          runtime::Result<wal::PreparedSlice> result) {
  OpenSegment& open = open_.at(no);
  --open.jobs;
  Slice& slice = open.slices[slice_index];
  slice.state = Slice::State::kUnknown;
  if (epoch != open.epoch) {
    // Of a file that has changed since: whoever still waits asks anew.
  } else if (!result) {
    const auto tell = [&](Waiter& waiter) {
      if (waiter.slice_ == slice_index) waiter.failure_ = result.error();
    };
    open.waiters.for_each(tell);
    open.told.for_each(tell);
  } else {
    open.segment = std::move(result->segment);
    slice.proven_to = result->proven_to;
    slice.state = result->stopped ? Slice::State::kStopped : Slice::State::kReady;
    slice.warmed_at = loop_.now();
  }
  wake(open);
}

// A slice that has just been read counts as cached even where the kernel does not tell.
bool WalView::is_warm(const OpenSegment& open, const Slice& slice, Lsn lsn) const {
  if (loop_.now() - slice.warmed_at < std::chrono::seconds(1)) return true;
  const auto offset = identity().segment_size.offset(slice_start(lsn));
  return open.segment->is_resident(offset,
                                   static_cast<std::uint32_t>(slice.proven_to - slice_start(lsn)));
}

// One slice ahead of a session that catches up, so that it seldom has to wait.
void WalView::read_ahead(SegmentNo no, OpenSegment& open, Lsn next) {
  if (next >= end_ || is_hot(next) || next >= open.segment->end()) return;
  if (open.slices[slice_of(next)].state == Slice::State::kUnknown) request(no, open, next);
}

void WalView::wake(OpenSegment& open) {
  runtime::IntrusiveList<Waiter> woken;
  woken.take_all(open.waiters);
  while (Waiter* waiter = woken.pop_front()) {
    open.told.push_back(waiter->link_);
    waiter->on_wal_ready();
  }
}

// The least recently used go, but none that is in use: else standbys in more segments than may stay
// open would take them from each other before they have sent anything, for ever.
void WalView::evict() {
  while (open_.size() > options_.segments_max) {
    auto oldest = open_.end();
    for (auto it = open_.begin(); it != open_.end(); ++it) {
      const OpenSegment& open = it->second;
      if (open.in_use() || open.last_used == use_counter_) continue;
      if (oldest == open_.end() || open.last_used < oldest->second.last_used) oldest = it;
    }
    if (oldest == open_.end()) return;
    open_.erase(oldest);
  }
}

std::uint32_t WalView::slice_of(Lsn lsn) const {
  return identity().segment_size.offset(lsn) / kSliceBytes;
}

}  // namespace server::stream
