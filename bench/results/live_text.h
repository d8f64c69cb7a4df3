#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/results/live_result.h"

namespace bench::results {

// For people: a sentence, tables with units, and what is to be kept in mind.
std::string to_text(const LiveResult& result);

// One sentence on what was measured and came out.
std::string summary_of(const LiveResult& result);
// What must be known before a figure is believed: a rate that was not reached, deliveries that were
// not seen. Sentences; none if there is nothing.
std::vector<std::string> warnings_of(const LiveResult& result);

// A table of words: the first row is its head.
using Table = std::vector<std::vector<std::string>>;
Table delays_table(const LiveResult& result);
// REQUIRES: result.real.
Table stages_table(const LiveResult& result);
// REQUIRES: result.server.
Table server_table(const LiveResult& result);

// A delay with its unit; "-" if there is none.
std::string delay_text(std::optional<double> micros);
// What must be known of a table of delays; empty if there is nothing.
std::string remark_on_delays(const LiveResult& result);

// What is known while a run goes on.
struct LiveProgress {
  double at = 0;  // since the begin of the measurement; negative while it warms up
  std::size_t streaming = 0;
  double commits_per_second = 0;
  double deliveries_per_second = 0;
  std::optional<double> p50_us = {};  // of what has arrived since the line before; if it is told
  std::optional<double> p99_us = {};
  std::size_t stragglers = 0;
  std::uint64_t failed = 0;
};
std::string to_text(const LiveProgress& progress);

}  // namespace bench::results
