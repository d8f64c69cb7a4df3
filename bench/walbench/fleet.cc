#include "bench/walbench/fleet.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

#include "runtime/errors.h"
#include "runtime/format.h"

namespace bench::walbench {

namespace {

constexpr runtime::Duration kProgressInterval = std::chrono::seconds(1);

// Beside the sockets and what --verify has open: loops, signals, standard streams.
constexpr std::size_t kOtherFiles = 64;
constexpr std::size_t kFilesPerThread = 8 + Verifier::kFilesMax;

runtime::Result<void> allow_files(std::size_t sockets, std::size_t threads) {
  const rlim_t wanted = sockets + kOtherFiles + kFilesPerThread * threads;
  rlimit limit{};
  CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (limit.rlim_cur >= wanted) return {};
  const rlimit raised{.rlim_cur = wanted, .rlim_max = std::max(wanted, limit.rlim_max)};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return {};
  return runtime::system_error(
      errno, runtime::format("{} standbys need {} open files, and the hard limit is {}", sockets,
                             wanted, limit.rlim_max));
}

double seconds(runtime::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double cpu_seconds() {
  rusage usage{};
  CHECK(::getrusage(RUSAGE_SELF, &usage) == 0);
  const auto in_seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

}  // namespace

Fleet::Fleet(const Options& options)
    : options_(options),
      loop_(clock_, {}),
      signals_(loop_, {SIGINT, SIGTERM}, *this),
      duration_timer_(loop_.timers(), *this),
      progress_timer_(loop_.timers(), *this) {}

Fleet::~Fleet() = default;

runtime::Result<Outcome> Fleet::run() {
  TRY(allow_files(options_.standbys, options_.threads));
  addresses_ = TRY(runtime::resolve(options_.host, options_.port));
  begin_ = printed_at_ = clock_.now();
  if (options_.duration.has_value()) duration_timer_.arm(begin_ + *options_.duration);
  if (options_.progress) progress_timer_.arm(begin_ + kProgressInterval);
  start_workers(options_.threads);
  loop_.run();
  threads_.clear();
  return outcome();
}

void Fleet::start_workers(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) {
    Worker& worker = workers_.emplace_back(i, clock_, options_, addresses_);
    threads_.emplace_back(runtime::format("standbys-{}", i), [this, &worker](memctx::Context&) {
      worker.run();
      loop_.mailbox().post([this] { on_worker_done(); });
    });
  }
}

void Fleet::on_worker_done() {
  loop_.assert_in_thread();
  if (++workers_done_ == workers_.size()) loop_.stop();
}

void Fleet::on_signal(int /*signal*/) {
  if (!finishing_) return finish();
  for (Worker& worker : workers_) worker.abort();
}

void Fleet::on_timer(runtime::Timer& timer) {
  if (&timer == &duration_timer_) return finish();
  print_progress();
  progress_timer_.arm(loop_.now() + kProgressInterval);
}

void Fleet::finish() {
  finishing_ = true;
  for (Worker& worker : workers_) worker.finish();
}

void Fleet::print_progress() {
  ProgressLine line{.elapsed_seconds = seconds(loop_.now() - begin_)};
  for (const Worker& worker : workers_) {
    const Progress& progress = worker.progress();
    line.bytes += progress.bytes.get();
    line.streaming += progress.started.get() - progress.ended.get();
    line.failed += progress.failed.get();
  }
  const double passed = seconds(loop_.now() - std::exchange(printed_at_, loop_.now()));
  const auto grown = static_cast<double>(line.bytes - std::exchange(printed_bytes_, line.bytes));
  line.bytes_per_second = grown / passed;
  std::fprintf(stderr, "%s\n", to_text(line).c_str());
}

Outcome Fleet::outcome() const {
  Outcome outcome{.standbys = options_.standbys,
                  .seconds = seconds(clock_.now() - begin_),
                  .cpu_seconds = cpu_seconds()};
  for (const Worker& worker : workers_) outcome.tally.add(worker.tally());
  const Tally& tally = outcome.tally;
  if (tally.first_stream && tally.last_end) {
    outcome.streaming_seconds = seconds(*tally.last_end - *tally.first_stream);
  }
  return outcome;
}

}  // namespace bench::walbench
