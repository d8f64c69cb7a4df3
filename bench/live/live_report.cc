#include "bench/live/live_report.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>
#include <sstream>
#include <thread>
#include <utility>

#include "bench/results/percentiles.h"
#include "runtime/check.h"
#include "runtime/file.h"
#include "runtime/format.h"

namespace bench::live {

using results::LiveResult;
using runtime::format;

namespace {

constexpr std::size_t kCpuInfoMax = 1 << 20;

double seconds(WallNanos nanos) {
  return static_cast<double>(nanos) / static_cast<double>(kNanosPerSecond);
}

double window_seconds(const ReportInput& input) { return seconds(input.options.window().count()); }

results::Delays delays_of(const ReportInput& input, const walbench::DelaySeries& series) {
  results::Delays delays{.all = results::percentiles_of(series.all_us),
                         .curve = results::curve_of(series.all_us),
                         .windows = {}};
  for (const auto& [number, micros] : series.windows_us) {
    delays.windows.push_back({.at = static_cast<double>(number) * window_seconds(input),
                              .count = micros.count(),
                              .p50_us = static_cast<double>(micros.percentile(0.5)),
                              .p99_us = static_cast<double>(micros.percentile(0.99)),
                              .max_us = static_cast<double>(micros.max())});
  }
  return delays;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  char text[32];
  CHECK(::gmtime_r(&now, &parts) != nullptr);
  CHECK(std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) > 0);
  return text;
}

std::string machine() {
  utsname name{};
  CHECK(::uname(&name) == 0);
  std::string text = format("{} {} {}", name.sysname, name.release, name.machine);
  const auto info = runtime::read_text("/proc/cpuinfo", kCpuInfoMax);
  if (!info) return text;
  std::istringstream lines(*info);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != line.npos) {
      return line.substr(colon + 2) + ", " + text;
    }
  }
  return text;
}

std::vector<results::Setup::Group> groups_of(const walbench::Options& fleet) {
  std::vector<results::Setup::Group> groups;
  for (const behaviour::Group& group : fleet.groups) {
    groups.push_back(
        {.name = group.name, .standbys = group.count, .does = behaviour::describe(group)});
  }
  return groups;
}

results::Setup setup_of(const ReportInput& input) {
  const LiveOptions& options = input.options;
  return {.time = utc_now(),
          .command = options.command,
          .walbench_version = WALCAST_VERSION,
          .server = format("{}:{}", options.fleet.host, options.fleet.port),
          .primary = input.primary,
          .machine = machine(),
          .processors = std::thread::hardware_concurrency(),
          .standbys = options.fleet.standbys(),
          .scenario = options.fleet.scenario_file,
          .seed = options.fleet.seed,
          .groups = groups_of(options.fleet),
          .sslmode = options.fleet.ssl_mode,
          .rate = options.rate,
          .writers = static_cast<std::size_t>(options.writers),
          .commit_bytes = options.script.empty() ? options.commit_bytes : 0,
          .script = options.script_file,
          .window_seconds = window_seconds(input)};
}

// A class for each group.
void add_classes(LiveResult& result, const ReportInput& input) {
  const behaviour::FleetPlan& plan = input.fleet.plan();
  for (std::size_t i = 0; i < plan.groups().size(); ++i) {
    walbench::DelaySeries series;
    for (const walbench::Worker& worker : input.fleet.workers()) {
      series.add(worker.arrivals()->classes()[i]);
    }
    const behaviour::Group& group = plan.groups()[i];
    result.classes.push_back(
        {.name = group.name, .standbys = group.count, .arrival = delays_of(input, series)});
  }
  const std::size_t threads = input.options.fleet.threads;
  for (std::size_t k = 0; k < plan.standbys(); ++k) {
    const walbench::Worker& worker = input.fleet.workers()[k % threads];
    const auto& micros = worker.arrivals()->standbys_us()[k / threads];
    result.standbys.push_back({.index = k,
                               .class_index = plan.group_index(k),
                               .count = micros.count(),
                               .p50_us = static_cast<double>(micros.percentile(0.5)),
                               .p99_us = static_cast<double>(micros.percentile(0.99)),
                               .max_us = static_cast<double>(micros.max())});
  }
}

std::uint64_t count_in(const std::map<std::int64_t, std::uint64_t>& by_window, std::int64_t no) {
  const auto found = by_window.find(no);
  return found == by_window.end() ? 0 : found->second;
}

// From the begin to the last commit's answer, with the windows in which nothing happened. A last
// window that is not whole counts by its length.
void add_throughput(LiveResult& result, const ReportInput& input) {
  const double window = window_seconds(input);
  for (std::int64_t i = 0; static_cast<double>(i) * window < result.seconds; ++i) {
    const double at = static_cast<double>(i) * window;
    const double length = std::min(window, result.seconds - at);
    if (length < window / 2) break;
    std::uint64_t deliveries = 0;
    for (const walbench::Worker& worker : input.fleet.workers()) {
      deliveries += count_in(worker.arrivals()->by_window(), i);
    }
    const std::uint64_t commits = count_in(input.answers.by_window, i);
    result.throughput.push_back({.at = at,
                                 .commits = static_cast<double>(commits) / length,
                                 .deliveries = static_cast<double>(deliveries) / length});
  }
}

}  // namespace

LiveResult make_report(const ReportInput& input) {
  LiveResult result;
  result.setup = setup_of(input);
  result.commits = input.commits;
  result.commits_asked = static_cast<std::uint64_t>(input.options.commits);
  // The last commit has its turn too, so that a rate that is held is reached.
  const double turn = 1 / input.options.rate;
  result.seconds = std::max(seconds(input.answers.last - input.schedule.begin),
                            static_cast<double>(input.commits) * turn);
  result.commits_per_second =
      result.seconds > 0 ? static_cast<double>(input.commits) / result.seconds : 0;
  result.commit = delays_of(input, input.answers.delays);
  result.deliveries = input.deliveries;
  result.deliveries_expected = input.commits * input.early;
  result.wal_bytes = input.wal_bytes;
  if (input.commits > 0 && input.streaming > 0) {
    result.wal_bytes_per_commit = static_cast<double>(input.wal_bytes) /
                                  static_cast<double>(input.streaming) /
                                  static_cast<double>(input.commits);
  }
  result.failed_standbys = input.failed;
  add_classes(result, input);
  add_throughput(result, input);
  return result;
}

}  // namespace bench::live
