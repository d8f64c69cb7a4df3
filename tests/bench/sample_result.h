#pragma once

#include <string>

#include "bench/results/live_result.h"

namespace bench::results {

// A run of two classes, five seconds long, with whatever a report can have.
inline LiveResult sample_result() {
  LiveResult result;
  result.setup = {.time = "2026-01-02T03:04:05Z",
                  .command = "walbench live --html <file>",
                  .walbench_version = "1",
                  .server = "127.0.0.1:5432",
                  .primary = "PostgreSQL",
                  .machine = "machine",
                  .processors = 2,
                  .standbys = 3,
                  .sslmode = "disable",
                  .rate = 100,
                  .writers = 1,
                  .commit_bytes = 100,
                  .script = "",
                  .window_seconds = 1};
  const auto delays = [](double scale) {
    Delays made{.all = {500, 1 * scale, 2 * scale, 3 * scale, {}, {}, 6 * scale},
                .curve = {{0, scale}, {0.5, scale}, {0.99, 3 * scale}},
                .windows = {}};
    for (int i = 0; i < 5; ++i) {
      made.windows.push_back({static_cast<double>(i), 100, scale, 3 * scale, 6 * scale});
    }
    return made;
  };
  result.seconds = 5;
  result.commits = result.commits_asked = 500;
  result.commits_per_second = 100;
  result.wal_bytes_per_commit = 300;
  result.commit = delays(100);
  result.deliveries = result.deliveries_expected = 1500;
  result.wal_bytes = 450'000;
  result.classes = {{"fast", 2, delays(1'000)}, {"slow", 1, delays(50'000)}};
  result.standbys = {{0, 1, 500, 50'000, 150'000, 300'000},
                     {1, 0, 500, 1'000, 3'000, 6'000},
                     {2, 0, 500, 1'000, 3'000, 6'000}};
  for (int i = 0; i < 5; ++i) {
    result.throughput.push_back({static_cast<double>(i), 100, 300});
    result.lag.push_back({static_cast<double>(i), 0, 5'000, 1});
  }
  const Percentiles few{.count = 10, .p50_us = 1'000, .p90_us = 2'000, .max_us = 2'000};
  result.real = {20'000, 250, 0, {{"standby & co", {{"written", few, few, 100}}}}};
  result.others_cpu = 0.25;
  result.server = ServerCost{.pids = {17},
                             .processes = 4,
                             .cpu_seconds = 0.5,
                             .cpu_us_per_commit = 1'000,
                             .cpu_us_per_delivery = 333.3,
                             .cpu_seconds_per_gb = 7,
                             .voluntary_switches = 1'000,
                             .involuntary_switches = 10,
                             .pss_bytes_per_standby = 2048.0};
  return result;
}

}  // namespace bench::results
