#include "server/stream/stage_clock.h"

#include <algorithm>

#include "runtime/check.h"
#include "runtime/probes.h"
#include "runtime/timed.h"

namespace server::stream {

using runtime::Duration;
using runtime::Instant;

namespace {

// Two threads read the clock of one machine, but a turn's time is that of its begin.
std::uint64_t nanos(Duration duration) {
  return static_cast<std::uint64_t>(std::max(duration, Duration::zero()).count());
}

}  // namespace

void StageSnapshot::add(const StageSnapshot& other) {
  recent.add(other.recent);
  all.add(other.all);
  recent_time = std::max(recent_time, other.recent_time);
}

StageClock::StageClock() : windows_(std::make_unique<Windows>()) {}

void StageClock::pop(const wal::WalSpan& span) {
  if (!runtime::kTimed || span.begin == span.end) return;
  if (next_ >= kSpans) merge_oldest();
  spans_[next_++ % kSpans] = {.end = span.end,
                              .arrived = span.arrived,
                              .found = span.found,
                              .stored = span.stored,
                              .proven = span.proven,
                              .published = span.published,
                              .taken = {},
                              .merged = 0};
}

// The next span takes its place. What was let go has gone out, but to standbys that are held up.
void StageClock::merge_oldest() {
  const std::uint64_t number = next_ - kSpans;
  const SpanTimes& oldest = spans_[number % kSpans];
  const bool is_gathered = number >= taken_ || oldest.taken > let_go_at_;
  if (!is_gathered) return;
  SpanTimes& heir = spans_[(number + 1) % kSpans];
  const wal::Lsn end = heir.end;
  const std::uint32_t merged = heir.merged + oldest.merged + 1;
  heir = oldest;
  heir.end = end;
  heir.merged = merged;
}

void StageClock::taken(Instant now) {
  taken_ = std::max(taken_, first());
  for (; taken_ < next_; ++taken_) {
    SpanTimes& span = spans_[taken_ % kSpans];
    if (span.taken == Instant{}) span.taken = now;  // one that others became one with has its time
    runtime::probes::span_taken(span.end.value(), now - span.found, now - span.published);
  }
}

void StageClock::count_sent(const SpanTimes& span, Instant let_go, Instant now) {
  turn_to(now);
  Window& window = windows_->current;
  const auto add = [&](Stage stage, Instant begin, Instant end) {
    window.stages[index_of(stage)].add(nanos(end - begin));
  };
  add(Stage::kReceived, span.arrived, span.found);
  add(Stage::kStored, span.found, span.stored);
  add(Stage::kProven, span.stored, span.proven);
  add(Stage::kPublished, span.proven, span.published);
  add(Stage::kTaken, span.published, span.taken);
  add(Stage::kSent, let_go, now);
  window.server.add(nanos(now - span.arrived));
}

void StageClock::count_gathered(const SpanTimes& span, Instant let_go, Instant now) {
  turn_to(now);
  windows_->current.stages[index_of(Stage::kGathered)].add(nanos(let_go - span.taken));
}

void StageClock::count_gathered_send(Instant now) {
  turn_to(now);
  ++windows_->current.gathered_sends;
}

void StageClock::count_merged(std::uint32_t spans, Instant now) {
  turn_to(now);
  windows_->current.merged_spans += spans;
}

void StageClock::count_reported(Stage stage, Duration took, Instant now) {
  DCHECK(index_of(stage) >= kServerStages);
  turn_to(now);
  windows_->current.stages[index_of(stage)].add(nanos(took));
}

StageFigure StageClock::figure(std::size_t stage, Instant now) const {
  const WindowNo age = window_of(now) - window_;
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  std::uint64_t max = 0;
  const auto add = [&](const Window& window) {
    count += window.stages[stage].count();
    sum += window.stages[stage].sum();
    max = std::max(max, window.stages[stage].max());
  };
  if (age <= 1) add(windows_->current);
  if (age <= 0) add(windows_->last);
  if (count == 0) return {};
  return {.count = count, .mean = Duration(sum / count), .max = Duration(max)};
}

std::unique_ptr<StageSnapshot> StageClock::snapshot(Instant now) {
  turn_to(now);
  auto snapshot = std::make_unique<StageSnapshot>();
  snapshot->recent.add(windows_->last);
  snapshot->recent.add(windows_->current);
  snapshot->all.add(windows_->before);
  snapshot->all.add(snapshot->recent);
  const Instant begin = Instant((window_ - 1) * kStageWindow);
  snapshot->recent_time = now - std::max(begin, begun_);
  return snapshot;
}

void StageClock::turn_to(Instant now) {
  const WindowNo no = window_of(now);
  if (no <= window_) return;  // a turn may have begun before a clock was read within it
  if (begun_ == Instant{}) begun_ = now;
  // After a silence both windows are old.
  const bool follows = no == window_ + 1;
  windows_->before.add(windows_->last);
  windows_->last = follows ? windows_->current : Window();
  if (!follows) windows_->before.add(windows_->current);
  windows_->current = Window();
  window_ = no;
}

}  // namespace server::stream
