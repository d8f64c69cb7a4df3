#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/line_writer.h"
#include "runtime/loop.h"
#include "runtime/timer.h"
#include "server/admin/latency_report.h"
#include "server/admin/standby_table.h"
#include "server/wal/tail.h"

namespace server::admin {

// What is printed of the standbys while the server runs: the table every so often, and the report
// of latencies when it is asked for. Every loop answers for its own sessions, and the last answer
// makes the text.
//   Owner: Server.  Thread: main's loop's.
//   Borrows: main's loop, those that answer, the tail and the output, which outlive it.
//   Limits: one table and one report are on their way; a request that comes meanwhile gets that
//   one.
class Reports final : private runtime::Timer::Handler {
 public:
  // A loop with sessions, as main sees it. Both call `take` once, on the loop's thread.
  class Answerer {
   public:
    virtual ~Answerer() = default;
    virtual void post_standbys(std::function<void(std::vector<StandbyStatus>)> take) = 0;
    virtual void post_latency(std::function<void(std::unique_ptr<LatencySnapshot>)> take) = 0;
    // Of WAL, to all standbys so far. Any thread may ask.
    virtual std::uint64_t bytes_sent() const = 0;
  };

  Reports(runtime::Loop& loop, const wal::WalTail& tail, runtime::LineWriter& output)
      : loop_(loop), tail_(tail), output_(output), timer_(loop.timers(), *this) {}

  // Before start().
  void add(Answerer& answerer) {
    loop_.assert_in_thread();
    answerers_.push_back(&answerer);
  }
  // From now on all of them answer.
  void start(runtime::Instant now, runtime::Duration table_interval, bool terminal);
  // Loops that have ended do not answer.
  void stop() {
    loop_.assert_in_thread();
    running_ = false;
  }
  void print_latency(LatencySpan span);
  // What was sent in all, if the table is wanted.
  void print_total();

 private:
  void on_timer(runtime::Timer& timer) override;
  void request_table() REQUIRES(loop_);
  void take_table(std::vector<StandbyStatus> rows) REQUIRES(loop_);
  void take_latency(LatencySnapshot snapshot) REQUIRES(loop_);

  runtime::Loop& loop_;
  const wal::WalTail& tail_;
  runtime::LineWriter& output_;
  runtime::Timer timer_ GUARDED_BY(loop_);
  std::vector<Answerer*> answerers_ GUARDED_BY(loop_);
  bool running_ GUARDED_BY(loop_) = false;
  runtime::Instant started_ GUARDED_BY(loop_){};
  runtime::Duration table_interval_ GUARDED_BY(loop_){};

  // Of those that have answered.
  std::optional<StandbyTable> table_ GUARDED_BY(loop_);
  std::vector<StandbyStatus> rows_ GUARDED_BY(loop_);
  std::size_t rows_awaited_ GUARDED_BY(loop_) = 0;
  LatencySpan latency_span_ GUARDED_BY(loop_) = LatencySpan::kRecent;
  LatencySnapshot latency_ GUARDED_BY(loop_);
  std::size_t latency_awaited_ GUARDED_BY(loop_) = 0;
};

}  // namespace server::admin
