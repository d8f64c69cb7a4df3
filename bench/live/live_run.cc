#include "bench/live/live_run.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include "bench/live/live_report.h"
#include "bench/results/live_text.h"
#include "bench/results/percentiles.h"
#include "runtime/format.h"
#include "runtime/log.h"

namespace bench::live {

using runtime::format;
using server::wal::Lsn;

namespace {

constexpr runtime::Duration kTick = std::chrono::seconds(1);
constexpr runtime::Duration kDrainTick = std::chrono::milliseconds(50);
// Threads are started, and the first commits made ready.
constexpr WallNanos kStartTime = 50'000'000;

WallNanos wall_now() { return runtime::SystemClock().wall_now() * 1000; }

WriterPlan plan_of(const LiveOptions& options, const walbench::Windows& windows) {
  return {.conninfo = options.conninfo,
          .label = format("wb{:x}-{:x}", ::getpid(), wall_now() / kNanosPerSecond),
          .body = options.script.empty() ? body_of_bytes(options.commit_bytes) : options.script,
          .schedule = {},
          .windows = &windows,
          .writers = options.writers};
}

walbench::Options& fleet_of(LiveOptions& options, const WriterPlan& plan,
                            std::shared_ptr<const walbench::Windows> windows) {
  options.fleet.stamps = plan.label;
  options.fleet.arrivals_windows = std::move(windows);
  return options.fleet;
}

}  // namespace

void LagRecord::expect(Lsn position) { expected_before_ = std::exchange(expected_, position); }

results::Lag LagRecord::take(const walbench::FleetSample& sample, double at) const {
  results::Lag lag{.at = at};
  std::vector<std::uint64_t> behind;
  for (const auto& position : sample.positions) {
    behind.push_back(std::max(expected_, position.received) - position.received);
    if (position.received < expected_before_) ++lag.stragglers;
  }
  if (behind.empty()) return lag;
  const auto middle = behind.begin() + static_cast<std::ptrdiff_t>(behind.size() / 2);
  std::nth_element(behind.begin(), middle, behind.end());
  lag.median_bytes = static_cast<double>(*middle);
  lag.max_bytes = static_cast<double>(*std::max_element(behind.begin(), behind.end()));
  return lag;
}

LiveRun::LiveRun(LiveOptions options)
    : options_(std::move(options)),
      windows_(std::make_shared<walbench::Windows>(options_.window().count())),
      crew_(plan_of(options_, *windows_), *this),
      fleet_(fleet_of(options_, crew_.plan(), windows_), this),
      measure_timer_(fleet_.loop().timers(), *this),
      tick_timer_(fleet_.loop().timers(), *this) {}

runtime::Result<results::LiveResult> LiveRun::run() {
  TRY(prepare());
  const auto outcome = fleet_.run();
  crew_.stop();
  crew_.join();
  if (watch_.has_value()) watch_->stop();
  watch_thread_.reset();
  if (!outcome) return outcome.error();
  const auto failure = crew_.failure();
  if (crew_.written() == 0 && failure.has_value()) {
    return runtime::Error{.kind = failure->kind, .what = "writer: " + failure->what};
  }
  if (crew_.written() == 0) {
    return runtime::Error{.kind = &kSqlFailed, .what = "it ended before a commit was measured"};
  }
  if (phase_ != Phase::kOver) end_measuring();  // the fleet has ended by itself
  return result();
}

runtime::Result<void> LiveRun::prepare() {
  TRY(crew_.connect());
  TRY(ask_primary());
  TRY(prepare_watch());
  if (options_.server_pids.empty()) return {};
  const ProcessTree tree(options_.server_pids, {});
  if (const auto missing = tree.missing(); !missing.empty()) {
    return runtime::Error{
        .kind = &kSqlFailed,
        .what = format("--server-pid {}: there is no such process", missing.front())};
  }
  std::vector<pid_t> others = crew_.backend_pids();
  if (watch_.has_value()) others.push_back(watch_->backend_pid());
  meter_.emplace(options_.server_pids, std::move(others));
  meter_->before_fleet();
  return {};
}

// Standbys that began where the segment does would have much to catch up on first.
runtime::Result<void> LiveRun::ask_primary() {
  SqlSession session = TRY(SqlSession::connect(options_.conninfo, "walbench"));
  primary_ = TRY(session.value("SELECT version()"));
  const std::string flushed = TRY(session.value("SELECT pg_current_wal_flush_lsn()"));
  const auto position = server::wal::parse_lsn(flushed);
  if (position.has_value() && !options_.fleet.start.has_value()) {
    options_.fleet.start = position->page_start();
  }
  return ask_oldest_transaction(session);
}

// For the groups whose standbys look at what the primary's own sessions do.
runtime::Result<void> LiveRun::ask_oldest_transaction(SqlSession& session) {
  const auto& groups = options_.fleet.groups;
  const bool asks = std::any_of(groups.begin(), groups.end(), [](const behaviour::Group& group) {
    return group.feedback.has_value() && group.feedback->asks_primary;
  });
  if (!asks) return {};
  const std::string xid = TRY(session.value("SELECT pg_snapshot_xmin(pg_current_snapshot())"));
  std::from_chars(xid.data(), xid.data() + xid.size(), options_.fleet.primary_xid);
  return {};
}

runtime::Result<void> LiveRun::prepare_watch() {
  watch_.emplace(StageWatch::Options{.conninfo = options_.conninfo,
                                     .fleet_name = options_.fleet.application_name,
                                     .interval = options_.look_interval},
                 crew_.log());
  const std::size_t standbys = TRY(watch_->connect());
  if (standbys == 0) watch_.reset();
  return {};
}

void LiveRun::on_settled() {
  if (fleet_.progress().streaming() == 0) {
    runtime::log::error("no standby streams");
    return end();
  }
  if (phase_ == Phase::kLogin) begin_writing();
}

void LiveRun::begin_writing() {
  phase_ = Phase::kWarmUp;
  wall_clock_ = runtime::WallClockWatch(runtime::read_clocks());
  schedule_ = Schedule::after_warm_up(wall_now() + kStartTime, options_.warm_up, options_.rate,
                                      options_.commits);
  windows_->begin_at(schedule_.begin);
  std::optional<WallNanos> end;
  if (options_.duration.has_value()) {
    end = schedule_.begin + options_.duration->count();
    answers_end_ = clock_.now() + runtime::Duration(*end - wall_now()) + kAnswerMax;
  }
  crew_.start(schedule_, end);
  if (watch_.has_value()) {
    watch_thread_.emplace("watch", [this](memctx::Context&) { watch_->run(); });
  }
  const runtime::Duration wait(schedule_.begin - wall_now());
  measure_timer_.arm(fleet_.loop().now() + wait);
  const Counts here = counts();
  rates_.begin({.commits = here.commits, .deliveries = here.deliveries}, clock_.now());
  tick_timer_.arm(fleet_.loop().now() + kTick);
}

void LiveRun::begin_measuring() {
  if (phase_ != Phase::kWarmUp) return;
  phase_ = Phase::kMeasuring;
  host_.begin();
  if (meter_.has_value()) meter_->begin();
  begun_ = counts();
}

void LiveRun::on_written() {
  fleet_.loop().mailbox().post([this] { begin_draining(); });
}

void LiveRun::begin_draining() {
  fleet_.loop().assert_in_thread();
  if (phase_ == Phase::kOver) return;
  if (phase_ == Phase::kWarmUp) return end();
  phase_ = Phase::kDraining;
  moved_at_ = fleet_.loop().now();
  drain_end_ = moved_at_ + kDrainMax;
  drain();
}

void LiveRun::drain() {
  const runtime::Instant now = fleet_.loop().now();
  const Counts here = counts();
  if (here.bytes != std::exchange(ended_, here).bytes) moved_at_ = now;
  const bool all = here.deliveries >= here.commits * here.early;
  if (all || now - moved_at_ >= kQuietMax || now >= drain_end_) return end();
  tick_timer_.arm(now + kDrainTick);
}

void LiveRun::end() {
  if (phase_ == Phase::kMeasuring || phase_ == Phase::kDraining) end_measuring();
  phase_ = Phase::kOver;
  measure_timer_.disarm();
  tick_timer_.disarm();
  fleet_.finish();
}

void LiveRun::end_measuring() {
  look_at_clock();
  ended_ = counts();
  host_.end();
  if (meter_.has_value()) meter_->end();
}

// The first one ends the writing in good order. With the second, or when the time has been over for
// a while, no writer waits for an answer any more.
void LiveRun::on_stop_asked() {
  const bool again = std::exchange(was_stopped_, true);
  const bool writes = phase_ == Phase::kWarmUp || phase_ == Phase::kMeasuring;
  if (!writes) return end();
  again ? crew_.abort() : crew_.stop();
}

void LiveRun::on_timer(runtime::Timer& timer) {
  fleet_.loop().assert_in_thread();
  if (&timer == &measure_timer_) return begin_measuring();
  look_at_clock();
  if (phase_ == Phase::kDraining) return drain();
  if (time_is_over()) crew_.abort();
  lag_.expect(crew_.position());
  fleet_.take_sample();
  tick_timer_.arm(fleet_.loop().now() + kTick);
}

// A writer would wait for as long as the clock was set back, or commit at once what is due until
// then.
void LiveRun::look_at_clock() {
  const runtime::Duration step = wall_clock_.look(runtime::read_clocks());
  if (step == runtime::Duration::zero()) return;
  if (std::chrono::abs(step) > std::chrono::abs(clock_step_)) clock_step_ = step;
  runtime::log::warning("the wall clock was set by {:+.3f} s",
                        std::chrono::duration<double>(step).count());
  if (std::chrono::abs(step) > kClockStepMax) crew_.stop();
}

bool LiveRun::time_is_over() const {
  return answers_end_.has_value() && clock_.now() >= *answers_end_;
}

void LiveRun::on_sample(const walbench::FleetSample& sample) {
  const results::Lag lag = lag_.take(sample, since_begin());
  if (phase_ == Phase::kMeasuring) lags_.push_back(lag);
  if (options_.fleet.progress) print_progress(sample, lag);
}

void LiveRun::print_progress(const walbench::FleetSample& sample, const results::Lag& lag) {
  const Counts here = counts();
  const TickRates::Rates rates =
      rates_.take({.commits = here.commits, .deliveries = here.deliveries}, clock_.now());
  const results::LiveProgress line{.at = lag.at,
                                   .streaming = here.streaming,
                                   .commits_per_second = rates.commits,
                                   .deliveries_per_second = rates.deliveries,
                                   .p50_us = results::percentile_of(sample.arrived_us, 0.5),
                                   .p99_us = results::percentile_of(sample.arrived_us, 0.99),
                                   .stragglers = lag.stragglers,
                                   .failed = fleet_.progress().failed};
  std::fprintf(stderr, "%s\n", results::to_text(line).c_str());
}

LiveRun::Counts LiveRun::counts() const {
  const walbench::ProgressLine progress = fleet_.progress();
  return {.commits = crew_.written(),
          .deliveries = fleet_.stamps(),
          .bytes = progress.bytes,
          .streaming = progress.streaming(),
          .early = progress.early};
}

double LiveRun::since_begin() const {
  return static_cast<double>(wall_now() - schedule_.begin) / static_cast<double>(kNanosPerSecond);
}

results::LiveResult LiveRun::result() const {
  const ReportInput input{.options = options_,
                          .schedule = schedule_,
                          .answers = crew_.answers(),
                          .fleet = fleet_,
                          .primary = primary_,
                          .commits = crew_.written(),
                          .deliveries = ended_.deliveries,
                          .wal_bytes = ended_.bytes - begun_.bytes,
                          .streaming = ended_.streaming,
                          .early = ended_.early,
                          .failed = fleet_.progress().failed};
  results::LiveResult made = make_report(input);
  made.was_stopped = was_stopped_ && made.commits < made.commits_asked;
  made.clock_set_by_seconds = std::chrono::duration<double>(clock_step_).count();
  if (const auto failure = crew_.failure()) made.writer_failure = failure->what;
  made.lag = lags_;
  if (watch_.has_value()) made.real = watch_->result();
  if (meter_.has_value()) {
    made.server = meter_->result({.commits = made.commits,
                                  .deliveries = made.deliveries,
                                  .wal_bytes = made.wal_bytes,
                                  .standbys = ended_.streaming});
  }
  made.others_cpu = host_.others(made.server ? made.server->cpu_seconds : 0);
  return made;
}

}  // namespace bench::live
