#pragma once

#include <optional>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/line_writer.h"
#include "runtime/loop.h"
#include "runtime/timer.h"
#include "server/stats/collector.h"
#include "server/stats/latency_report.h"
#include "server/stats/standby_table.h"

namespace server::stats {

// What is printed of the standbys while the server runs: the table every so often, and the report
// of latencies when it is asked for. Both are made from snapshots.
//   Owner: Server.  Thread: main's loop's.
//   Borrows: main's loop and the output, which outlive it; the collector, until stop().
//   Limits: one table and one report are on their way; a request that comes meanwhile gets that
//   one.
class Reports final : private runtime::Timer::Handler {
 public:
  Reports(runtime::Loop& loop, runtime::LineWriter& output)
      : loop_(loop), output_(output), timer_(loop.timers(), *this) {}

  // The collector runs.
  void start(Collector& collector, runtime::Instant now, runtime::Duration table_interval,
             bool terminal);
  // No more is asked for: the sessions are about to end. With `report_all` the last report is
  // printed before, of all the time since the start, for which this waits.
  void stop(bool report_all);
  void print_latency(LatencySpan span);
  // What was sent in all, if the table is wanted.
  void print_total();

 private:
  void on_timer(runtime::Timer& timer) override;
  void request_table() REQUIRES(loop_);
  void print_table(const Snapshot& snapshot) REQUIRES(loop_);
  void write_latency(const Snapshot& snapshot, LatencySpan span) REQUIRES(loop_);

  runtime::Loop& loop_;
  runtime::LineWriter& output_;
  runtime::Timer timer_ GUARDED_BY(loop_);
  Collector* collector_ GUARDED_BY(loop_) = nullptr;  // null before the start
  bool running_ GUARDED_BY(loop_) = false;
  runtime::Instant started_ GUARDED_BY(loop_){};
  runtime::Duration table_interval_ GUARDED_BY(loop_){};

  std::optional<StandbyTable> table_ GUARDED_BY(loop_);
  bool table_awaited_ GUARDED_BY(loop_) = false;
  LatencySpan latency_span_ GUARDED_BY(loop_) = LatencySpan::kRecent;
  bool latency_awaited_ GUARDED_BY(loop_) = false;
};

}  // namespace server::stats
