#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace bench::results {

inline constexpr runtime::ErrorKind kNoRunFile{"no_run_file", "22023"};

// What can be compared of a run: for each measure its values, one per window of time, or one of the
// whole run.
struct Run {
  struct Measure {
    std::string name;
    std::string unit;  // "us", "/s"
    bool less_is_better = true;
    double run_noise = 0;        // RunNoise's
    std::vector<double> values;  // greater than zero
    double resolution = 0;       // of a value, as a part of it
  };
  std::string path;
  std::vector<Measure> measures;
  std::optional<double> others_cpu = {};  // LiveResult's
  // Why its figures are not of all that was asked for; empty if they are. What a fleet has lost is
  // missing where it would be slowest.
  std::string shortfall = {};
  // What must be alike for a comparison to mean something, as text: {name, value}.
  std::vector<std::pair<std::string, std::string>> circumstances;
};

// What a single run leaves open: by how much the same build differs from run to run on one machine,
// as the standard deviation of the logarithm. It is taken where there are too few runs to see it,
// and is at least what runs of ten seconds have shown on a machine of two processors with little
// else to do. Where the seconds of a run differ much, its machine has had other work, and so it may
// have, or not, in another run: of their standard deviation it is a half.
struct RunNoise {
  static constexpr double kMedian = 0.03;
  static constexpr double kTail = 0.15;
  static constexpr double kRate = 0.02;
  static constexpr double kCpu = 0.05;
  static constexpr double kOfSeconds = 0.5;
};

// Reads what `walbench live --json` has written. kNoRunFile if it is anything else, and file
// errors.
runtime::Result<Run> read_run(const std::string& path);
runtime::Result<Run> parse_run(const std::string& path, std::string_view json);

}  // namespace bench::results
