#include "server/stream/delivery.h"

#include <algorithm>
#include <limits>

namespace server::stream {

using runtime::Duration;
using runtime::Instant;
using wal::Lsn;

namespace {

std::uint32_t micros(Duration duration) {
  const auto count = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  return static_cast<std::uint32_t>(
      std::min<std::int64_t>(count, std::numeric_limits<std::uint32_t>::max()));
}

Obstacle obstacle_of(SendQueue::Pumped::PumpResult result) {
  using PumpResult = SendQueue::Pumped::PumpResult;
  if (result == PumpResult::kBlocked) return Obstacle::kSocketFull;
  return result == PumpResult::kWaiting ? Obstacle::kColdRead : Obstacle::kNone;
}

}  // namespace

void Delivery::Sum::add(const Sum& other) {
  nanos += other.nanos;
  count += other.count;
  micros_max = std::max(micros_max, other.micros_max);
}

void Delivery::start() {
  is_live_ = false;
  obstacle_ = met_ = Obstacle::kNone;
  busy_from_ = kNeverBusy;
  windows_ = {};
  sent_.clear();
  written_.clear();
  flushed_.clear();
}

// Whether what the standby is to be sent is known, span by span or as some of them that are one.
bool Delivery::is_known() const {
  if (next_ >= stages_.first()) return true;
  return gathers_ && busy_from_ == kNeverBusy && next_ >= stages_.first_merged();
}

// If what it was to be sent next is one with a later span, it goes on with that one; but not where
// that one begins with what the standby had already.
bool Delivery::go_to_known(Instant now) {
  if (!is_known()) return false;
  const std::uint64_t first = stages_.first();
  if (next_ >= first) return true;
  const bool is_own = next_ == stages_.first_merged();
  stages_.count_merged(static_cast<std::uint32_t>(is_own ? first - next_ : first + 1 - next_), now);
  next_ = is_own ? first : first + 1;
  return true;
}

// A standby that has fallen behind by more spans than are known catches up.
void Delivery::sent(Lsn sent, Instant now) {
  if (!go_to_known(now)) {
    is_live_ = false;
    return;
  }
  if (!is_due(sent)) return;
  if (gathers_ && next_ < stages_.next()) stages_.count_gathered_send(now);
  for (; next_ < stages_.next() && stages_.span(next_).end <= sent; ++next_) {
    count(next_, now);
  }
  met_ = Obstacle::kNone;
  sent_.push({sent, now});
}

void Delivery::count(std::uint64_t number, Instant now) {
  const SpanTimes& span = stages_.span(number);
  const Instant let_go = let_go_at(number, now);
  stages_.count_sent(span, let_go, now);
  add(Stage::kSent, now - let_go, now);
  if (gathers_) {
    stages_.count_gathered(span, let_go, now);
    add(Stage::kGathered, let_go - span.taken, now);
  }
  if (met_ != Obstacle::kNone) window(window_no_).of(met_).delayed += now - let_go;
}

// WAL is gathered for a standby that has all WAL, until it is let go with the others or has its
// turn for another reason, such as a keepalive; in that turn it may have met an obstacle.
Instant Delivery::let_go_at(std::uint64_t number, Instant now) const {
  const SpanTimes& span = stages_.span(number);
  if (!gathers_ || number >= busy_from_) return span.taken;
  Instant let_go = stages_.let_go_at() >= span.taken ? stages_.let_go_at() : now;
  if (met_ != Obstacle::kNone) let_go = std::min(let_go, met_since_);
  return std::clamp(let_go, span.taken, std::max(span.taken, now));
}

// What is flushed is written, and what is applied is flushed, whatever a standby says. One that
// never flushes, or never applies, passes no such stage.
void Delivery::on_report(const wal::StandbyPositions& report, Instant now) {
  const Lsn flushed = std::max(report.flush, report.apply);
  const Lsn written = std::max(report.write, flushed);
  pass(sent_, Stage::kWritten, written, flushed.valid() ? &written_ : nullptr, now);
  pass(written_, Stage::kFlushed, flushed, report.apply.valid() ? &flushed_ : nullptr, now);
  pass(flushed_, Stage::kApplied, report.apply, nullptr, now);
}

void Delivery::pass(MarkRing& from, Stage stage, Lsn reported, MarkRing* to, Instant now) {
  while (!from.empty() && from.oldest().end <= reported) {
    const MarkRing::Mark mark = from.oldest();
    from.pop();
    const Duration took = std::max(now - mark.at, Duration::zero());
    add(stage, took, now);
    stages_.count_reported(stage, took, now);
    if (to != nullptr) to->push({mark.end, std::max(now, mark.at)});
  }
}

void Delivery::pumped(SendQueue::Pumped::PumpResult result, Instant now) {
  if (result != SendQueue::Pumped::PumpResult::kCaughtUp) {
    busy_from_ = std::min(busy_from_, stages_.next());
  }
  const Obstacle met = obstacle_of(result);
  if (met == obstacle_) return;
  if (obstacle_ != Obstacle::kNone) {
    turn_to(now);
    window(window_no_).of(obstacle_).stood_still += now - obstacle_since_;
  }
  if (met != Obstacle::kNone) {
    if (met_ == Obstacle::kNone) met_since_ = now;
    met_ = met;
  }
  obstacle_ = met;
  obstacle_since_ = now;
}

void Delivery::add(Stage stage, Duration took, Instant now) {
  turn_to(now);
  const Duration counted = std::max(took, Duration::zero());
  window(window_no_)
      .sums[own_index_of(stage)]
      .add({.nanos = static_cast<std::uint64_t>(counted.count()),
            .count = 1,
            .micros_max = micros(counted)});
}

void Delivery::turn_to(Instant now) {
  const WindowNo no = window_of(now);
  if (no <= window_no_) return;
  if (no > window_no_ + 1) windows_ = {};
  window(no) = {};
  window_no_ = no;
}

Delivery::Window Delivery::recent(Instant now) const {
  Window recent;
  const WindowNo current = std::max(window_of(now), window_no_);
  for (WindowNo no = current - 1; no <= window_no_; ++no) {
    const Window& window = windows_[static_cast<std::size_t>(no & 1)];
    for (std::size_t i = 0; i < kOwnStages; ++i) recent.sums[i].add(window.sums[i]);
    recent.socket_full.add(window.socket_full);
    recent.cold_read.add(window.cold_read);
  }
  return recent;
}

DeliveryStatus Delivery::status(Instant now) const {
  Window recent = this->recent(now);
  if (obstacle_ != Obstacle::kNone) recent.of(obstacle_).stood_still += now - obstacle_since_;
  DeliveryStatus status{.stages = {},
                        .socket_full = recent.socket_full,
                        .cold_read = recent.cold_read,
                        .obstacle = obstacle_,
                        .is_live = is_live_ && is_known()};
  for (std::size_t i = 0; i < kSharedStages; ++i) status.stages[i] = stages_.figure(i, now);
  for (std::size_t i = 0; i < kOwnStages; ++i) {
    const Sum& sum = recent.sums[i];
    if (sum.count == 0) continue;
    status.stages[kSharedStages + i] = {.count = sum.count,
                                        .mean = Duration(sum.nanos / sum.count),
                                        .max = std::chrono::microseconds(sum.micros_max)};
  }
  const auto wait = [&](Stage stage, Instant since) {
    status.stages[index_of(stage)].pending = std::max(now - since, Duration::zero());
  };
  if (status.is_live && next_ < stages_.next()) {
    const bool gathered = gathers_ && next_ < busy_from_ && obstacle_ == Obstacle::kNone;
    wait(gathered ? Stage::kGathered : Stage::kSent,
         stages_.span(std::max(next_, stages_.first())).taken);
  }
  if (!sent_.empty()) wait(Stage::kWritten, sent_.oldest().at);
  if (!written_.empty()) wait(Stage::kFlushed, written_.oldest().at);
  if (!flushed_.empty()) wait(Stage::kApplied, flushed_.oldest().at);
  return status;
}

}  // namespace server::stream
