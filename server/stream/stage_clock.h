#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "runtime/clock.h"
#include "server/stream/stages.h"
#include "server/wal/tail.h"

namespace server::stream {

// The windows that what is measured falls into: the minutes of the steady clock, the same for every
// loop.
using WindowNo = std::int64_t;
inline constexpr runtime::Duration kStageWindow = std::chrono::minutes(1);
constexpr WindowNo window_of(runtime::Instant time) {
  return time.time_since_epoch() / kStageWindow;
}

// When a span of WAL passed the stages that are the same for all standbys of a loop.
struct SpanTimes {
  wal::Lsn end;
  runtime::Instant arrived;
  runtime::Instant found;
  runtime::Instant stored;
  runtime::Instant proven;
  runtime::Instant published;
  runtime::Instant taken;
  std::uint32_t merged = 0;  // spans before it that are one with it now; the times are the first's
};

// What one loop knows of the ways of its deliveries through the stages. A delivery is one span to
// one standby that had all WAL before it.
//   Copied out of its loop; merged with those of other loops.
struct StageSnapshot {
  StageHistograms<std::uint64_t> recent;  // of this window and the one before
  StageHistograms<std::uint64_t> all;     // since the loop began
  runtime::Duration recent_time{};        // that `recent` covers: up to two minutes

  void add(const StageSnapshot& other);
};

// The spans that a loop has taken last, with their times, and how long its deliveries took, stage
// by stage.
//   Owner: WalView.  Thread: the loop's. Nothing is shared, locked or allocated.
// More of them may be gathered (SendQueue) than are kept. Those that would be forgotten while they
// are gathered become one with the span behind them, which has the first one's times from then on:
// of what goes out together, the delivery that took the longest is always among those that count.
//   Limits: kSpans; a standby to which an older one has not gone out is no live one any more.
class StageClock {
 public:
  static constexpr std::size_t kSpans = 1024;

  StageClock();

  // A span was popped from the queue; one without WAL is none. The next call of taken() says when
  // that was.
  void pop(const wal::WalSpan& span);
  void taken(runtime::Instant now);
  // What was gathered goes out to patient standbys (SendQueue).
  void let_go(runtime::Instant now) { let_go_at_ = now; }
  runtime::Instant let_go_at() const { return let_go_at_; }

  // Spans are numbered as they come. [first(), next()) are known.
  std::uint64_t first() const { return next_ < kSpans ? 0 : next_ - kSpans; }
  std::uint64_t next() const { return taken_; }
  // REQUIRES: it is known.
  const SpanTimes& span(std::uint64_t number) const { return spans_[number % kSpans]; }
  // Of which the oldest known span tells, too: first(), or less if others are one with it.
  std::uint64_t first_merged() const {
    return first() == taken_ ? first() : first() - span(first()).merged;
  }

  // A span has gone out to a standby, which nothing held back any more from `let_go` on.
  void count_sent(const SpanTimes& span, runtime::Instant let_go, runtime::Instant now);
  // WAL was gathered for a span, until `let_go`.
  void count_gathered(const SpanTimes& span, runtime::Instant let_go, runtime::Instant now);
  // All spans of count_gathered() since the call before have gone out as one.
  void count_gathered_send(runtime::Instant now);
  // So many spans were gathered, and one with a span that counts.
  void count_merged(std::uint32_t spans, runtime::Instant now);
  // A standby has reported something. REQUIRES: the stage is one of those.
  void count_reported(Stage stage, runtime::Duration took, runtime::Instant now);

  // Of a stage that is the same for all standbys of the loop, by index_of().
  StageFigure figure(std::size_t stage, runtime::Instant now) const;
  // Allocates.
  std::unique_ptr<StageSnapshot> snapshot(runtime::Instant now);

 private:
  using Window = StageHistograms<std::uint32_t>;
  struct Windows {
    Window current;
    Window last;
    StageHistograms<std::uint64_t> before;  // all windows before these two
  };

  void turn_to(runtime::Instant now);
  void merge_oldest();

  std::array<SpanTimes, kSpans> spans_;
  std::uint64_t next_ = 0;   // the number of the next span to be popped
  std::uint64_t taken_ = 0;  // the spans from here on have no time of taking yet
  std::unique_ptr<Windows> windows_;
  runtime::Instant let_go_at_{};
  WindowNo window_ = 0;       // of `current`
  runtime::Instant begun_{};  // of the first delivery
};

}  // namespace server::stream
