#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/live/live_options.h"
#include "bench/live/server_meter.h"
#include "bench/live/sql_session.h"
#include "bench/live/stage_watch.h"
#include "bench/live/tick_rates.h"
#include "bench/live/writer_crew.h"
#include "bench/results/live_result.h"
#include "bench/walbench/fleet.h"
#include "runtime/result.h"
#include "runtime/thread.h"
#include "runtime/timer.h"
#include "runtime/wall_clock_watch.h"

namespace bench::live {

// How far a fleet is behind what is committed.
//   Owner: LiveRun.  Thread: the owner's.
class LagRecord {
 public:
  // A sample is asked for, while the last commit ends at `position`.
  void expect(server::wal::Lsn position);
  // The sample has come.
  results::Lag take(const walbench::FleetSample& sample, double at) const;

 private:
  server::wal::Lsn expected_;
  server::wal::Lsn expected_before_;  // when the sample before was asked for
};

// One run: the fleet comes, the writers warm the servers up, then commit what is measured; when
// all of it has arrived, or nothing more does, the fleet leaves.
//   Owner: main.  Thread: main's; writers and the watch have threads of their own.
//   Limits: kDrainMax, and kQuietMax without a byte, for what was committed to arrive.
class LiveRun final : private walbench::Fleet::Conductor,
                      private runtime::Timer::Handler,
                      private WriterCrew::Listener {
 public:
  static constexpr runtime::Duration kDrainMax = std::chrono::seconds(60);
  static constexpr runtime::Duration kQuietMax = std::chrono::seconds(3);
  // So long after its time a COMMIT may wait for its answer.
  static constexpr runtime::Duration kAnswerMax = std::chrono::seconds(10);
  // Commits are due by the wall clock. One that was set by more ends the run.
  static constexpr runtime::Duration kClockStepMax = std::chrono::seconds(1);

  explicit LiveRun(LiveOptions options);

  // Blocks until all is over. An error if there is nothing to report.
  runtime::Result<results::LiveResult> run();

 private:
  enum class Phase { kLogin, kWarmUp, kMeasuring, kDraining, kOver };

  // What the fleet has counted at one time.
  struct Counts {
    std::uint64_t commits = 0;
    std::uint64_t deliveries = 0;  // to standbys that came at the begin of the run
    std::uint64_t bytes = 0;
    std::size_t streaming = 0;
    std::size_t early = 0;  // of those: that came at the begin
  };

  void on_settled() override;
  void on_sample(const walbench::FleetSample& sample) override;
  void on_stop_asked() override;
  void on_timer(runtime::Timer& timer) override;
  void on_written() override;

  runtime::Result<void> prepare();
  runtime::Result<void> ask_primary();
  runtime::Result<void> ask_oldest_transaction(SqlSession& session);
  runtime::Result<void> prepare_watch();
  void begin_writing();
  void begin_measuring();
  void begin_draining();
  void drain();
  void end();
  void end_measuring();
  void look_at_clock();
  void print_progress(const walbench::FleetSample& sample, const results::Lag& lag);
  Counts counts() const;
  double since_begin() const;
  bool time_is_over() const;
  results::LiveResult result() const;

  const runtime::SystemClock clock_;
  LiveOptions options_;
  const std::shared_ptr<walbench::Windows> windows_;  // the fleet's too
  WriterCrew crew_;
  walbench::Fleet fleet_;
  runtime::Timer measure_timer_;
  runtime::Timer tick_timer_;
  std::optional<StageWatch> watch_;
  std::optional<runtime::NamedThread> watch_thread_;
  std::optional<ServerMeter> meter_;
  HostMeter host_;
  std::string primary_;  // version()

  Phase phase_ = Phase::kLogin;
  bool was_stopped_ = false;
  Schedule schedule_;
  std::optional<runtime::Instant> answers_end_;
  Counts begun_;     // at the begin of what is measured
  Counts ended_;     // at its end
  TickRates rates_;  // of the lines of progress
  runtime::WallClockWatch wall_clock_{runtime::read_clocks()};
  runtime::Duration clock_step_{};  // the most that the wall clock was set by at once
  runtime::Instant moved_at_{};     // when a byte has last come, while draining
  runtime::Instant drain_end_{};
  LagRecord lag_;
  std::vector<results::Lag> lags_;
};

}  // namespace bench::live
