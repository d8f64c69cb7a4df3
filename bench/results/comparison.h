#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bench/results/run_file.h"

namespace bench::results {

// Whether one build, or setting, is faster than another.
//
// What is compared of each measure is the median second of a run, as a logarithm, so that one bad
// second does not decide and a difference is a ratio. With three runs or more on a side the spread
// of its runs says how sure that is (Welch's t), since seconds of one run are more alike than two
// runs of one build. With fewer, the spread within the runs is taken, from batches of seconds that
// are longer than a disturbance lasts, and RunNoise is added for what a single run cannot show. A
// rank test was not taken because of four runs on each side it can prove nothing.
//
// Where the two sides had not the machine to themselves alike, that may be all the difference, and
// there is no verdict; nor is there one of runs that have lost standbys or deliveries.
//
// The intervals hold together: all measures have the true ratio in theirs in 19 of 20 comparisons.
// A difference is one whose interval is on one side of 1, and which is not below kLeastRatio.
struct Comparison {
  static constexpr double kWrongVerdicts = 0.05;
  static constexpr double kLeastRatio = 1.01;
  static constexpr std::size_t kRunsForSpread = 3;  // on a side

  // By which other work may differ, in processors: from one of few runs to another, or from the
  // median run of one side to that of the other.
  static constexpr double kOthersCpuMax = 0.1;

  enum class Verdict { kNoDifference, kUnsure, kBetter, kWorse };

  struct Line {
    std::string name;
    std::string unit;
    double base = 0;  // median
    double other = 0;
    double ratio = 1;  // of other to base
    double ratio_low = 1;
    double ratio_high = 1;
    Verdict verdict = Verdict::kNoDifference;
  };

  std::size_t base_runs = 0;
  std::size_t other_runs = 0;
  std::vector<Line> lines = {};            // measures that all runs have
  std::vector<std::string> warnings = {};  // what makes the runs incomparable, or less sure
  bool complete = true;                    // all runs have all measures, and have lost nothing

  bool differs() const;
  bool is_worse() const;
};

// REQUIRES: neither is empty.
Comparison compare(const std::vector<Run>& base, const std::vector<Run>& other);

std::string to_text(const Comparison& comparison);
std::string to_json(const Comparison& comparison);

}  // namespace bench::results
