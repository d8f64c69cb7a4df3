#include "bench/walbench/fleet.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
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

// What this process has in memory, and has had at most.
std::uint64_t memory_bytes() {
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t memory_bytes_max() {
  rusage usage{};
  CHECK(::getrusage(RUSAGE_SELF, &usage) == 0);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace

Fleet::Fleet(const Options& options, Conductor* conductor)
    : options_(options),
      conductor_(conductor),
      loop_(clock_, {}),
      signals_(loop_, {SIGINT, SIGTERM}, *this),
      duration_timer_(loop_.timers(), *this),
      progress_timer_(loop_.timers(), *this),
      plan_(options.groups, options.seed) {}

Fleet::~Fleet() = default;

runtime::Result<Outcome> Fleet::run() {
  TRY(allow_files(plan_.standbys(), options_.threads));
  addresses_ = TRY(runtime::resolve(options_.host, options_.port));
  TRY(prepare_tls());
  memory_before_ = memory_bytes();
  begin_ = printed_at_ = clock_.now();
  if (options_.duration.has_value()) duration_timer_.arm(begin_ + *options_.duration);
  const bool has_bar = options_.duration.has_value() && ::isatty(STDERR_FILENO) == 1;
  if (has_bar) bar_.emplace(runtime::Progress::Options{.is_terminal = true}, clock_, stderr);
  if ((options_.progress || has_bar) && conductor_ == nullptr) {
    progress_timer_.arm(begin_ + kProgressInterval);
  }
  start_workers(options_.threads);
  loop_.run();
  threads_.clear();
  bar_.reset();
  return outcome();
}

runtime::Result<void> Fleet::prepare_tls() {
  for (const behaviour::Group& group : plan_.groups()) {
    const std::string& mode = options_.ssl_mode_of(group);
    tls_.emplace_back();
    if (mode == "disable") continue;
    tls_.back() = TRY(TlsClientContext::make(
        {.root_certificates = mode == "verify-full" ? options_.root_certificates : "",
         .host = options_.host}));
  }
  return {};
}

void Fleet::start_workers(std::size_t threads) {
  port_.emplace(Port{
      .options = options_, .plan = plan_, .begin = begin_, .addresses = addresses_, .tls = tls_});
  Worker::Listener& listener = *this;  // private: a container could not make it one
  for (std::size_t i = 0; i < threads; ++i) {
    Worker& worker = workers_.emplace_back(i, clock_, *port_, listener);
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

void Fleet::on_settled() {
  loop_.mailbox().post([this] { on_worker_settled(); });
}

void Fleet::on_worker_settled() {
  loop_.assert_in_thread();
  if (++workers_settled_ == workers_.size() && conductor_ != nullptr) conductor_->on_settled();
}

void Fleet::take_sample() {
  sample_ = FleetSample();
  sample_answers_ = workers_.size() - workers_done_;
  ++sample_number_;
  for (Worker& worker : workers_) worker.take_sample(sample_number_);
}

void Fleet::on_sample(std::unique_ptr<WorkerSample> sample) {
  loop_.mailbox().post([this, taken = std::move(sample)] { add_sample(*taken); });
}

void Fleet::add_sample(const WorkerSample& sample) {
  loop_.assert_in_thread();
  if (sample.number != sample_number_) return;
  auto& positions = sample_.positions;
  positions.insert(positions.end(), sample.positions.begin(), sample.positions.end());
  sample_.arrived_us.add(sample.arrived_us);
  if (--sample_answers_ == 0) conductor_->on_sample(sample_);
}

void Fleet::on_signal(int /*signal*/) {
  const bool first = !std::exchange(stop_asked_, true);
  if (conductor_ != nullptr) conductor_->on_stop_asked();
  if (first && conductor_ != nullptr) return;
  if (first && !finishing_) return finish();
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

ProgressLine Fleet::progress() const {
  ProgressLine line{.elapsed_seconds = seconds(clock_.now() - begin_)};
  for (const Worker& worker : workers_) {
    const Progress& progress = worker.progress();
    line.bytes += progress.bytes.get();
    line.early += progress.early.started.get() - progress.early.ended.get();
    line.late += progress.late.started.get() - progress.late.ended.get();
    line.failed += progress.failed.get();
  }
  return line;
}

std::uint64_t Fleet::stamps() const {
  std::uint64_t stamps = 0;
  for (const Worker& worker : workers_) {
    const Progress::Part& early = worker.progress().early;
    stamps += early.stamps.get() - early.lost_stamps.get();
  }
  return stamps;
}

void Fleet::print_progress() {
  ProgressLine line = progress();
  const double passed = seconds(loop_.now() - std::exchange(printed_at_, loop_.now()));
  const auto grown = static_cast<double>(line.bytes - std::exchange(printed_bytes_, line.bytes));
  line.bytes_per_second = grown / passed;
  if (!bar_.has_value()) {
    std::fprintf(stderr, "%s\n", to_text(line).c_str());
  } else {
    bar_->show(line.elapsed_seconds / seconds(*options_.duration), to_text(line));
  }
}

Outcome Fleet::outcome() const {
  const std::uint64_t memory = memory_bytes_max();
  Outcome outcome{.standbys = plan_.standbys(),
                  .seconds = seconds(clock_.now() - begin_),
                  .cpu_seconds = cpu_seconds(),
                  .memory_bytes = memory - std::min(memory, memory_before_),
                  .scenario = options_.scenario_file,
                  .seed = options_.seed};
  for (std::size_t i = 0; i < plan_.groups().size(); ++i) {
    GroupOutcome& group = outcome.groups.emplace_back();
    group.group = plan_.groups()[i];
    for (const Worker& worker : workers_) group.tally.add(worker.tallies()[i]);
  }
  outcome.tally = total(outcome.groups);
  const Tally& tally = outcome.tally;
  if (tally.first_stream && tally.last_end) {
    outcome.streaming_seconds = seconds(*tally.last_end - *tally.first_stream);
  }
  return outcome;
}

}  // namespace bench::walbench
