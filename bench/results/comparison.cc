#include "bench/results/comparison.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "bench/results/student.h"
#include "bench/walbench/report.h"
#include "runtime/check.h"
#include "runtime/format.h"

namespace bench::results {

using runtime::format;

namespace {

using Measure = Run::Measure;
using Verdict = Comparison::Verdict;

// How well the run noise that is taken on trust is known.
constexpr double kNoiseFreedom = 30;

const Measure* find(const Run& run, const std::string& name) {
  const auto found = std::find_if(run.measures.begin(), run.measures.end(),
                                  [&](const Measure& measure) { return measure.name == name; });
  return found == run.measures.end() ? nullptr : &*found;
}

std::vector<const Measure*> of_all(const std::vector<Run>& runs, const std::string& name) {
  std::vector<const Measure*> measures;
  for (const Run& run : runs) {
    if (const Measure* measure = find(run, name)) measures.push_back(measure);
  }
  return measures.size() == runs.size() ? measures : std::vector<const Measure*>();
}

std::vector<double> logarithms(const Measure& measure) {
  std::vector<double> logs;
  for (const double value : measure.values) logs.push_back(std::log(value));
  return logs;
}

// Of the logarithm of one side's measure.
Estimate estimate(const std::vector<const Measure*>& runs) {
  const auto count = static_cast<double>(runs.size());
  std::vector<double> medians;
  double within = 0;  // the mean variance of a run's median
  double noise = 0;   // that of what a run cannot show
  double freedom = 0;
  for (const Measure* run : runs) {
    const std::vector<double> seconds = logarithms(*run);
    const Estimate one = estimate_of_series(seconds);
    const double taken = std::max(run->run_noise, RunNoise::kOfSeconds * deviation(seconds));
    noise += taken * taken / count;
    medians.push_back(one.mean);
    within += one.variance / count;
    freedom += one.freedom;
  }
  if (runs.size() >= Comparison::kRunsForSpread) {
    Estimate spread = estimate_of(medians);
    // All runs of a side may lie in one bucket of a histogram, and seem more alike than they are.
    spread.variance += runs.front()->resolution * runs.front()->resolution / 12;
    return spread;
  }
  double mean = 0;
  for (const double value : medians) mean += value / count;
  // Two variances, each known by its own degrees of freedom.
  const double variance = within + noise;
  const double shares = within * within / freedom + noise * noise / kNoiseFreedom;
  return {.mean = mean,
          .variance = variance / count,
          .freedom = shares > 0 ? variance * variance / shares : kNoiseFreedom};
}

Verdict verdict_of(const Comparison::Line& line, bool less_is_better) {
  const bool within = line.ratio_low <= 1 && line.ratio_high >= 1;
  const double change = std::max(line.ratio, 1 / line.ratio);
  if (within || change < Comparison::kLeastRatio) return Verdict::kNoDifference;
  return (line.ratio < 1) == less_is_better ? Verdict::kBetter : Verdict::kWorse;
}

Comparison::Line compare_one(const std::vector<const Measure*>& base,
                             const std::vector<const Measure*>& other, double probability) {
  const Estimate from = estimate(base);
  const Estimate to = estimate(other);
  const Difference found = difference(from, to, probability);
  Comparison::Line line{.name = base.front()->name,
                        .unit = base.front()->unit,
                        .base = std::exp(from.mean),
                        .other = std::exp(to.mean),
                        .ratio = std::exp(found.mean),
                        .ratio_low = std::exp(found.mean - found.half_width),
                        .ratio_high = std::exp(found.mean + found.half_width)};
  line.verdict = verdict_of(line, base.front()->less_is_better);
  return line;
}

// What other work took beside each run that says so, in processors, from the least on.
std::vector<double> disturbances(const std::vector<Run>& runs) {
  std::vector<double> all;
  for (const Run& run : runs) {
    if (run.others_cpu.has_value()) all.push_back(*run.others_cpu);
  }
  std::sort(all.begin(), all.end());
  return all;
}

// How far other work differed, in processors. Of many runs, one that was disturbed counts little;
// what disturbed a whole side is in no spread of its runs.
double disturbance(const std::vector<Run>& base, const std::vector<Run>& other, bool few) {
  const std::vector<double> of_base = disturbances(base);
  const std::vector<double> of_other = disturbances(other);
  if (of_base.empty() || of_other.empty()) return 0;
  if (!few) return std::abs(of_base[of_base.size() / 2] - of_other[of_other.size() / 2]);
  return std::max(of_base.back(), of_other.back()) - std::min(of_base.front(), of_other.front());
}

void warn_of_circumstances(Comparison& comparison, const std::vector<const Run*>& runs) {
  const auto& wanted = runs.front()->circumstances;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::set<std::string> values;
    for (const Run* run : runs) values.insert(run->circumstances[i].second);
    if (values.size() == 1) continue;
    std::string list;
    for (const std::string& value : values) list += (list.empty() ? "" : ", ") + value;
    comparison.warnings.push_back(format("The runs differ in {}: {}.", wanted[i].first, list));
  }
}

void take_back_verdicts(Comparison& comparison) {
  for (Comparison::Line& line : comparison.lines) {
    if (line.verdict != Verdict::kNoDifference) line.verdict = Verdict::kUnsure;
  }
}

void doubt_few(Comparison& comparison) {
  comparison.warnings.push_back(
      format("With fewer than {} runs on a side, how much runs of one build differ is a guess, of"
             " their seconds' spread. Five on each side show far smaller differences.",
             Comparison::kRunsForSpread));
}

void doubt_disturbed(Comparison& comparison, double more) {
  if (more <= Comparison::kOthersCpuMax) return;
  take_back_verdicts(comparison);
  comparison.warnings.push_back(
      format("Other work took {:.2f} processors more beside one side than beside the other, which"
             " may be all the difference.",
             more));
}

// A fleet that has lost its slowest looks fast.
void doubt_incomplete(Comparison& comparison, const std::vector<const Run*>& runs) {
  for (const Run* run : runs) {
    if (run->shortfall.empty()) continue;
    comparison.complete = false;
    comparison.warnings.push_back(format("{}: {}.", run->path, run->shortfall));
  }
  if (!comparison.complete) take_back_verdicts(comparison);
}

// The measures that all runs have. The others are told of.
std::vector<std::string> common_measures(Comparison& comparison, const std::vector<Run>& base,
                                         const std::vector<Run>& other) {
  std::vector<std::string> all;
  for (const auto* side : {&base, &other}) {
    for (const Run& run : *side) {
      for (const Measure& measure : run.measures) {
        if (std::find(all.begin(), all.end(), measure.name) == all.end()) {
          all.push_back(measure.name);
        }
      }
    }
  }
  const auto is_partial = [&](const std::string& name) {
    return of_all(base, name).empty() || of_all(other, name).empty();
  };
  for (const std::string& name : all) {
    if (!is_partial(name)) continue;
    comparison.complete = false;
    comparison.warnings.push_back(format("Only some of the runs have {}.", name));
  }
  std::erase_if(all, is_partial);
  return all;
}

std::string value_text(double value, const std::string& unit) {
  return unit == "us" && value >= 10 ? walbench::format_micros(value)
                                     : format("{:.2f} {}", value, unit);
}

const char* conclusion(const Comparison& comparison) {
  if (comparison.lines.empty()) return "nothing to compare";
  if (comparison.is_worse()) return "the new one is worse";
  if (comparison.differs()) return "the new one is better";
  const bool unsure =
      std::any_of(comparison.lines.begin(), comparison.lines.end(),
                  [](const auto& line) { return line.verdict == Verdict::kUnsure; });
  return unsure ? "no verdict" : "no difference";
}

const char* verdict_text(Verdict verdict) {
  return verdict == Verdict::kBetter   ? "better"
         : verdict == Verdict::kWorse  ? "WORSE"
         : verdict == Verdict::kUnsure ? "no verdict"
                                       : "no difference";
}

}  // namespace

bool Comparison::differs() const {
  return std::any_of(lines.begin(), lines.end(), [](const Line& line) {
    return line.verdict == Verdict::kBetter || line.verdict == Verdict::kWorse;
  });
}

bool Comparison::is_worse() const {
  return std::any_of(lines.begin(), lines.end(),
                     [](const Line& line) { return line.verdict == Verdict::kWorse; });
}

Comparison compare(const std::vector<Run>& base, const std::vector<Run>& other) {
  CHECK(!base.empty() && !other.empty());
  Comparison comparison{.base_runs = base.size(), .other_runs = other.size()};
  const std::vector<std::string> names = common_measures(comparison, base, other);
  // Bonferroni: each measure may be wrong so much less often, so that all together seldom are.
  const double probability =
      Comparison::kWrongVerdicts / static_cast<double>(std::max<std::size_t>(names.size(), 1));
  for (const std::string& name : names) {
    comparison.lines.push_back(compare_one(of_all(base, name), of_all(other, name), probability));
  }
  std::vector<const Run*> runs;
  for (const Run& run : base) runs.push_back(&run);
  for (const Run& run : other) runs.push_back(&run);
  warn_of_circumstances(comparison, runs);
  const bool few = std::min(base.size(), other.size()) < Comparison::kRunsForSpread;
  if (few) doubt_few(comparison);
  doubt_disturbed(comparison, disturbance(base, other, few));
  doubt_incomplete(comparison, runs);
  return comparison;
}

std::string to_text(const Comparison& comparison) {
  std::string text = format("{:<26}{:>12}{:>12}{:>8}  {:<16}{}\n", "", "base", "new", "ratio",
                            "interval", "verdict");
  for (const Comparison::Line& line : comparison.lines) {
    text += format("{:<26}{:>12}{:>12}{:>8.3f}  {:<16}{}\n", line.name,
                   value_text(line.base, line.unit), value_text(line.other, line.unit), line.ratio,
                   format("{:.3f} .. {:.3f}", line.ratio_low, line.ratio_high),
                   verdict_text(line.verdict));
  }
  text += format("\n{} and {} runs: {}\n", comparison.base_runs, comparison.other_runs,
                 conclusion(comparison));
  for (const std::string& warning : comparison.warnings) text += warning + "\n";
  return text;
}

std::string to_json(const Comparison& comparison) {
  nlohmann::ordered_json json{
      {"schema", "walbench.compare/1"},    {"base_runs", comparison.base_runs},
      {"new_runs", comparison.other_runs}, {"differs", comparison.differs()},
      {"worse", comparison.is_worse()},    {"complete", comparison.complete}};
  json["measures"] = nlohmann::ordered_json::array();
  for (const Comparison::Line& line : comparison.lines) {
    json["measures"].push_back({{"name", line.name},
                                {"unit", line.unit},
                                {"base", line.base},
                                {"new", line.other},
                                {"ratio", line.ratio},
                                {"ratio_low", line.ratio_low},
                                {"ratio_high", line.ratio_high},
                                {"verdict", verdict_text(line.verdict)}});
  }
  json["warnings"] = comparison.warnings;
  return json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace bench::results
