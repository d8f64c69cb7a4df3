#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "bench/walbench/options.h"
#include "bench/walbench/report.h"
#include "bench/walbench/worker.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/result.h"
#include "runtime/signals.h"
#include "runtime/socket.h"
#include "runtime/thread.h"
#include "runtime/timer.h"

namespace bench::walbench {

// All standbys of a run: their threads, how long they run, and what stops them early.
//   Owner: main.  Thread: main's.
//   Borrows: the options.
class Fleet final : private runtime::Signals::Handler, private runtime::Timer::Handler {
 public:
  explicit Fleet(const Options& options);
  ~Fleet() override;

  // Runs until every standby has ended. An error means that none was started.
  runtime::Result<Outcome> run();

 private:
  // A first one ends the standbys in good order, a second one at once.
  void on_signal(int signal) override;
  void on_timer(runtime::Timer& timer) override;

  void start_workers(std::size_t threads);
  void on_worker_done();
  void finish();
  void print_progress();
  Outcome outcome() const;

  const Options& options_;
  runtime::SystemClock clock_;
  runtime::Loop loop_;
  runtime::Signals signals_;
  runtime::Timer duration_timer_;
  runtime::Timer progress_timer_;

  std::vector<runtime::SocketAddress> addresses_;
  std::deque<Worker> workers_;
  std::deque<runtime::NamedThread> threads_;
  std::size_t workers_done_ = 0;
  bool finishing_ = false;
  runtime::Instant begin_{};
  std::uint64_t printed_bytes_ = 0;
  runtime::Instant printed_at_{};
};

}  // namespace bench::walbench
