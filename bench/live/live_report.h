#pragma once

#include <cstdint>
#include <string>

#include "bench/live/live_options.h"
#include "bench/live/schedule.h"
#include "bench/live/writer_crew.h"
#include "bench/results/live_result.h"
#include "bench/walbench/fleet.h"

namespace bench::live {

// What a run has left behind.
struct ReportInput {
  const LiveOptions& options;
  const Schedule& schedule;
  WriterCrew::Answers answers;
  const walbench::Fleet& fleet;  // that has ended
  std::string primary;
  std::uint64_t commits = 0;
  std::uint64_t deliveries = 0;  // to standbys that came at the begin of the run
  std::uint64_t wal_bytes = 0;   // received while it was measured
  std::size_t streaming = 0;     // at the end
  std::size_t early = 0;         // of those: that came at the begin of the run
  std::uint64_t failed = 0;
};

// Without lag, real standbys and server.
results::LiveResult make_report(const ReportInput& input);

}  // namespace bench::live
