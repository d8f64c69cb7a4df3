#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "bench/behaviour/fleet_plan.h"
#include "bench/walbench/options.h"
#include "bench/walbench/report.h"
#include "bench/walbench/worker.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/progress.h"
#include "runtime/result.h"
#include "runtime/signals.h"
#include "runtime/socket.h"
#include "runtime/thread.h"
#include "runtime/timer.h"

namespace bench::walbench {

// How far a fleet is.
struct FleetSample {
  std::vector<WorkerSample::Position> positions;
  Histogram arrived_us;
};

// All standbys of a run: their threads, how long they run, and what stops them early.
//   Owner: main.  Thread: main's.
//   Borrows: the options, and the conductor.
class Fleet final : private runtime::Signals::Handler,
                    private runtime::Timer::Handler,
                    private Worker::Listener {
 public:
  // What is done while a fleet streams, and how long that is. It is called in main's thread.
  class Conductor {
   public:
    virtual ~Conductor() = default;
    // Each standby streams or has ended, but for those of late groups. Once.
    virtual void on_settled() = 0;
    // The answer to take_sample().
    virtual void on_sample(const FleetSample& sample) = 0;
    // A signal asks for the end; again with the next one, which ends the standbys at once.
    virtual void on_stop_asked() = 0;
  };

  // Without a conductor it ends by the options and by signals alone.
  explicit Fleet(const Options& options, Conductor* conductor = nullptr);
  ~Fleet() override;

  // Runs until every standby has ended. An error means that none was started.
  runtime::Result<Outcome> run();

  // What follows is for a conductor, while run() runs.
  runtime::Loop& loop() { return loop_; }
  // Ends all standbys in good order.
  void finish();
  // Asks all workers. What of an earlier sample has not come is left out.
  void take_sample();
  // What they have counted so far, over all workers.
  ProgressLine progress() const;
  // That came to standbys of the early groups, those that have failed left out.
  std::uint64_t stamps() const;
  const behaviour::FleetPlan& plan() const { return plan_; }

  // After run().
  const std::deque<Worker>& workers() const { return workers_; }

 private:
  // A first one ends the standbys in good order, a second one at once.
  void on_signal(int signal) override;
  void on_timer(runtime::Timer& timer) override;
  void on_settled() override;
  void on_sample(std::unique_ptr<WorkerSample> sample) override;

  runtime::Result<void> prepare_tls();
  void start_workers(std::size_t threads);
  void on_worker_done();
  void on_worker_settled();
  void add_sample(const WorkerSample& sample);
  void print_progress();
  Outcome outcome() const;

  const Options& options_;
  Conductor* const conductor_;
  runtime::SystemClock clock_;
  runtime::Loop loop_;
  runtime::Signals signals_;
  runtime::Timer duration_timer_;
  runtime::Timer progress_timer_;
  // A bar on a terminal, where the end is known; otherwise --progress prints lines.
  std::optional<runtime::Progress> bar_;

  const behaviour::FleetPlan plan_;
  std::vector<runtime::SocketAddress> addresses_;
  std::vector<std::shared_ptr<const TlsClientContext>> tls_;  // of each group; null without TLS
  std::optional<Port> port_;                                  // while it runs
  std::deque<Worker> workers_;
  std::deque<runtime::NamedThread> threads_;
  std::size_t workers_settled_ = 0;
  std::size_t workers_done_ = 0;
  FleetSample sample_;
  std::uint64_t sample_number_ = 0;
  std::size_t sample_answers_ = 0;  // that are still to come
  bool stop_asked_ = false;         // by a signal
  bool finishing_ = false;
  runtime::Instant begin_{};
  std::uint64_t memory_before_ = 0;  // the standbys
  std::uint64_t printed_bytes_ = 0;
  runtime::Instant printed_at_{};
};

}  // namespace bench::walbench
