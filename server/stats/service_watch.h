#pragma once

#include <cstddef>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/timer.h"
#include "server/admin/service_status.h"
#include "server/stats/collector.h"

namespace server::stats {

// Tells the service manager how the server is: every few seconds how far standbys are, and, if it
// watches, that the server lives. A loop that has sessions lives if it takes its turn: only when
// all of them have, since they were last asked, is the word given. Main's own loop has this timer.
// A disk that hangs is no reason: what the loops have in memory is served on, and a start would not
// come by it either.
//   Owner: Server.  Thread: main's loop's.
//   Borrows: main's loop, the status, and from start() to stop() the collector and the loops.
//   Limits: each loop has one question to answer at a time.
class ServiceWatch final : private runtime::Timer::Handler {
 public:
  ServiceWatch(runtime::Loop& loop, admin::ServiceStatus& status)
      : loop_(loop), status_(status), timer_(loop.timers(), *this) {}

  // Before start().
  void add(Collector::Answerer& answerer) {
    loop_.assert_in_thread();
    answerers_.push_back(&answerer);
  }
  // `watchdog_time` is the manager's; 0: it does not watch. Does nothing if there is no manager.
  void start(Collector& collector, runtime::Duration watchdog_time);
  // Loops are about to end, and answer no more.
  void stop();

 private:
  static constexpr runtime::Duration kInterval = std::chrono::seconds(5);

  void on_timer(runtime::Timer& timer) override;
  void look() REQUIRES(loop_);
  void ask_loops() REQUIRES(loop_);
  void on_answer() REQUIRES(loop_);
  void on_snapshot(const Snapshot& snapshot) REQUIRES(loop_);

  runtime::Loop& loop_;
  admin::ServiceStatus& status_;
  runtime::Timer timer_ GUARDED_BY(loop_);
  std::vector<Collector::Answerer*> answerers_ GUARDED_BY(loop_);
  Collector* collector_ GUARDED_BY(loop_) = nullptr;  // null: not started, or stopped
  bool watches_ GUARDED_BY(loop_) = false;
  runtime::Duration interval_ GUARDED_BY(loop_) = kInterval;
  std::size_t answers_awaited_ GUARDED_BY(loop_) = 0;
  bool snapshot_awaited_ GUARDED_BY(loop_) = false;
};

}  // namespace server::stats
