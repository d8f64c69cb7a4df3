#include "bench/results/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace bench::results {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr unsigned kSeed = 20'260'101;
constexpr int kTrials = 400;

// How far runs and seconds of one build differ, as standard deviations of the logarithm.
struct Noise {
  double run;
  double second;
};
constexpr Noise kMedianNoise{.run = 0.02, .second = 0.08};
constexpr Noise kTailNoise{.run = 0.06, .second = 0.25};
constexpr Noise kCpuNoise{.run = 0.02, .second = 0};
// On a machine that has other work, now and then.
constexpr Noise kBusyNoise{.run = 0.4, .second = 1.0};

// The seconds of one run: each is like the one before it, and one of twenty is disturbed.
std::vector<double> seconds(std::mt19937& random, double middle, Noise noise, int count) {
  std::normal_distribution<double> normal(0, 1);
  std::uniform_real_distribution<double> chance(0, 1);
  const double likeness = 0.5;
  const double run = noise.run * normal(random);
  double state = noise.second * normal(random);
  std::vector<double> values;
  for (int i = 0; i < count; ++i) {
    state = likeness * state + std::sqrt(1 - likeness * likeness) * noise.second * normal(random);
    const double disturbance = noise.second > 0 && chance(random) < 0.05 ? std::log(3.0) : 0;
    values.push_back(middle * std::exp(run + state + disturbance));
  }
  return values;
}

// A build that is `factor` times as slow as another, in all that is measured.
results::Run run_of(std::mt19937& random, double factor) {
  results::Run run{.path = "run", .measures = {}, .circumstances = {{"standbys", "400"}}};
  run.measures = {
      {"p50", "us", true, RunNoise::kMedian, seconds(random, 500 * factor, kMedianNoise, 30)},
      {"p99", "us", true, RunNoise::kTail, seconds(random, 9'000 * factor, kTailNoise, 30)},
      {"CPU", "us", true, RunNoise::kCpu, seconds(random, 5 * factor, kCpuNoise, 1)}};
  return run;
}

std::vector<results::Run> runs_of(std::mt19937& random, int count, double factor) {
  std::vector<results::Run> runs;
  for (int i = 0; i < count; ++i) runs.push_back(run_of(random, factor));
  return runs;
}

// In which share of comparisons something is said to differ.
double differs(int runs, double factor) {
  std::mt19937 random(kSeed);
  int found = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto base = runs_of(random, runs, 1);
    const auto other = runs_of(random, runs, factor);
    const Comparison comparison = compare(base, other);
    found += (factor == 1 ? comparison.differs() : comparison.is_worse()) ? 1 : 0;
  }
  const double share = static_cast<double>(found) / kTrials;
  ::testing::Test::RecordProperty("share", std::to_string(share));
  std::printf("%d runs a side, factor %g: %.3f\n", runs, factor, share);
  return share;
}

TEST(ComparisonTest, ABuildAndItselfDoNotDifferNineteenTimesOfTwenty) {
  for (const int runs : {1, 2, 3, 5, 10}) EXPECT_LE(differs(runs, 1), 0.05) << runs;
}

// A run cannot show what the machine was at during another one, but that it was at something.
TEST(ComparisonTest, ABusyMachineMakesNoDifference) {
  std::mt19937 random(kSeed);
  int found = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<results::Run> runs;
    for (int i = 0; i < 2; ++i) {
      results::Run& run = runs.emplace_back(run_of(random, 1));
      run.measures[0].values = seconds(random, 500, kBusyNoise, 30);
      run.measures[1].values = seconds(random, 9'000, kBusyNoise, 30);
    }
    found += compare({runs[0]}, {runs[1]}).differs() ? 1 : 0;
  }
  EXPECT_LE(found, kTrials / 20);
}

TEST(ComparisonTest, TenPercentAreFound) {
  EXPECT_GE(differs(5, 1.1), 0.95);
  EXPECT_GE(differs(10, 1.1), 0.99);
}

TEST(ComparisonTest, AThirdIsFoundWithOneRunEach) { EXPECT_GE(differs(1, 1.33), 0.99); }

results::Run constant(double p50, double rate) {
  return {.path = "run",
          .measures = {{"p50", "us", true, RunNoise::kMedian, std::vector(30, p50)},
                       {"rate", "/s", false, RunNoise::kRate, std::vector(30, rate)}},
          .circumstances = {{"standbys", "400"}, {"rate", "200"}}};
}

TEST(ComparisonTest, WhatIsBetterDependsOnTheMeasure) {
  const Comparison comparison = compare({constant(100, 100)}, {constant(200, 200)});
  ASSERT_EQ(comparison.lines.size(), 2u);
  EXPECT_EQ(comparison.lines[0].verdict, Comparison::Verdict::kWorse);
  EXPECT_EQ(comparison.lines[1].verdict, Comparison::Verdict::kBetter);
  EXPECT_NEAR(comparison.lines[0].ratio, 2, 1e-9);
  EXPECT_LT(comparison.lines[0].ratio_low, 2);
  EXPECT_GT(comparison.lines[0].ratio_high, 2);
  EXPECT_TRUE(comparison.is_worse());
}

TEST(ComparisonTest, WhatIsSureButSmallIsNoDifference) {
  const std::vector<results::Run> base{constant(1000, 100), constant(1000.1, 100),
                                       constant(1000.2, 100)};
  const std::vector<results::Run> other{constant(1005, 100), constant(1005.1, 100),
                                        constant(1005.2, 100)};
  const Comparison comparison = compare(base, other);
  EXPECT_GT(comparison.lines[0].ratio_low, 1);
  EXPECT_FALSE(comparison.differs());
}

TEST(ComparisonTest, AMeasureThatARunLacksIsLeftOut) {
  results::Run lacking = constant(100, 100);
  lacking.measures.pop_back();
  EXPECT_EQ(compare({constant(100, 100)}, {lacking}).lines.size(), 1u);
  lacking.measures.clear();
  const Comparison nothing = compare({constant(100, 100)}, {lacking});
  EXPECT_THAT(nothing.lines, IsEmpty());
  EXPECT_THAT(to_text(nothing), HasSubstr("nothing to compare"));
  EXPECT_THAT(nothing.warnings, Contains("Only some of the runs have p50."));
  EXPECT_FALSE(nothing.complete);
  // Whichever side lacks it.
  EXPECT_THAT(compare({lacking}, {constant(100, 100)}).warnings,
              Contains("Only some of the runs have rate."));
}

TEST(ComparisonTest, RunsOfDifferentLoadsAreWarnedOf) {
  results::Run other = constant(100, 100);
  other.circumstances[1].second = "400";
  EXPECT_THAT(compare({constant(100, 100)}, {other}).warnings,
              Contains("The runs differ in rate: 200, 400."));
  const std::vector<results::Run> three(3, constant(100, 100));
  EXPECT_THAT(compare(three, three).warnings, IsEmpty());
}

// One of the two had the machine to itself.
TEST(ComparisonTest, WhatOtherWorkMayHaveDoneIsNoVerdict) {
  results::Run base = constant(100, 100);
  results::Run other = constant(200, 100);
  base.others_cpu = 0.1;
  other.others_cpu = 0.15;
  EXPECT_TRUE(compare({base}, {other}).is_worse());
  other.others_cpu = 0.9;
  const Comparison disturbed = compare({base}, {other});
  EXPECT_FALSE(disturbed.differs());
  EXPECT_EQ(disturbed.lines[0].verdict, Comparison::Verdict::kUnsure);
  EXPECT_EQ(disturbed.lines[1].verdict, Comparison::Verdict::kNoDifference);
  EXPECT_THAT(to_text(disturbed), HasSubstr("1 and 1 runs: no verdict"));
  EXPECT_THAT(disturbed.warnings, Contains(HasSubstr("Other work took 0.80 processors more")));
}

TEST(ComparisonTest, WhatDisturbedAWholeSideIsNoVerdict) {
  results::Run base = constant(100, 100);
  results::Run other = constant(200, 100);
  base.others_cpu = 0.1;
  other.others_cpu = 1.5;
  const Comparison disturbed = compare({base, base, base}, {other, other, other});
  EXPECT_FALSE(disturbed.differs());
  EXPECT_THAT(disturbed.warnings, Contains(HasSubstr("Other work took 1.40 processors more")));
  results::Run quiet = other;
  quiet.others_cpu = 0.1;
  EXPECT_TRUE(compare({base, base, base}, {quiet, other, quiet}).is_worse());
}

TEST(ComparisonTest, RunsThatHaveLostSomethingGiveNoVerdict) {
  results::Run lossy = constant(50, 100);
  lossy.shortfall = "8 standbys failed";
  const std::vector<results::Run> base(3, constant(100, 100));
  const Comparison comparison = compare(base, {lossy, lossy, lossy});
  EXPECT_FALSE(comparison.differs());
  EXPECT_FALSE(comparison.complete);
  EXPECT_THAT(comparison.warnings, Contains("run: 8 standbys failed."));
}

// Three runs of each side lie in one bucket of a histogram.
TEST(ComparisonTest, AHistogramsResolutionIsInTheInterval) {
  results::Run base = constant(131, 100);
  results::Run other = constant(132, 100);
  for (results::Run* run : {&base, &other}) run->measures[0].resolution = 1.0 / 64;
  const Comparison comparison = compare({base, base, base}, {other, other, other});
  EXPECT_LT(comparison.lines[0].ratio_low, 1);
  EXPECT_GT(comparison.lines[0].ratio_high, 1.01);
}

TEST(ComparisonTest, TextAndJsonHaveTheVerdict) {
  const Comparison comparison = compare({constant(100, 100)}, {constant(200, 100)});
  EXPECT_THAT(to_text(comparison), HasSubstr("the new one is worse"));
  EXPECT_THAT(to_json(comparison), HasSubstr("\"verdict\": \"WORSE\""));
  EXPECT_THAT(to_json(comparison), HasSubstr("\"schema\": \"walbench.compare/1\""));
}

}  // namespace
}  // namespace bench::results
