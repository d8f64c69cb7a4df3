#include "bench/live/server_meter.h"

#include <algorithm>
#include <ctime>

#include "runtime/check.h"

namespace bench::live {

namespace {

double ratio(double value, double to) { return to > 0 ? value / to : 0; }

// What lives may end meanwhile, and be missing.
std::uint64_t growth(std::uint64_t before, std::uint64_t after) {
  return std::max(before, after) - before;
}

constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;

std::uint64_t clock_ns(clockid_t clock) {
  timespec time{};
  CHECK(::clock_gettime(clock, &time) == 0);
  return static_cast<std::uint64_t>(time.tv_sec) * kNanosPerSecond +
         static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

HostMeter::Use HostMeter::take() {
  return {.at_ns = clock_ns(CLOCK_MONOTONIC),
          .host_ns = host_busy_ns(),
          .own_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID)};
}

std::optional<double> HostMeter::others(double server_seconds) const {
  const auto passed = static_cast<double>(growth(before_.at_ns, after_.at_ns));
  if (passed <= 0 || before_.host_ns == 0) return std::nullopt;
  const double busy = static_cast<double>(growth(before_.host_ns, after_.host_ns)) -
                      static_cast<double>(growth(before_.own_ns, after_.own_ns)) -
                      server_seconds * static_cast<double>(kNanosPerSecond);
  return std::max(busy, 0.0) / passed;
}

void ServerMeter::end() {
  after_ = tree_.use();
  pss_after_ = tree_.pss();
}

results::ServerCost ServerMeter::result(const Work& work) const {
  const auto cpu_ns = static_cast<double>(growth(before_.cpu_ns, after_.cpu_ns));
  const auto deliveries = static_cast<double>(work.deliveries);
  results::ServerCost cost{
      .pids = {tree_.roots().begin(), tree_.roots().end()},
      .processes = after_.processes,
      .cpu_seconds = cpu_ns / 1e9,
      .cpu_us_per_commit = ratio(cpu_ns / 1e3, static_cast<double>(work.commits)),
      .cpu_us_per_delivery = ratio(cpu_ns / 1e3, deliveries),
      .cpu_seconds_per_gb = ratio(cpu_ns / 1e9, static_cast<double>(work.wal_bytes) / 0x1p30),
      .voluntary_switches = growth(before_.voluntary_switches, after_.voluntary_switches),
      .involuntary_switches = growth(before_.involuntary_switches, after_.involuntary_switches),
      .pss_bytes_per_standby = std::nullopt};
  if (pss_before_ && pss_after_ && work.standbys > 0) {
    cost.pss_bytes_per_standby =
        static_cast<double>(growth(*pss_before_, *pss_after_)) / static_cast<double>(work.standbys);
  }
  return cost;
}

}  // namespace bench::live
