#include "bench/results/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/format.h"

namespace bench::results {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string plain(double value) { return runtime::format("{:g}", value); }

std::vector<std::string> labels(const Axis& axis) {
  std::vector<std::string> labels;
  for (const Tick& tick : axis.ticks) labels.push_back(tick.label);
  return labels;
}

TEST(PlotTest, ALinearAxisBeginsAtNothingAndHasRoundTicks) {
  EXPECT_THAT(labels(linear_axis("", 4.7, plain)), ElementsAre("0", "1", "2", "3", "4", "5"));
  EXPECT_THAT(labels(linear_axis("", 200, plain)), ElementsAre("0", "50", "100", "150", "200"));
  EXPECT_EQ(linear_axis("", 4.7, plain).high, 5);
  EXPECT_GT(linear_axis("", 0, plain).high, 0);
}

TEST(PlotTest, ALogarithmicAxisIsAroundItsValues) {
  const Axis wide = logarithmic_axis("", 30, 40'000, 10, plain);
  EXPECT_THAT(labels(wide), ElementsAre("10", "100", "1000", "10000", "100000"));
  EXPECT_NEAR(wide.place(1'000), 0.5, 1e-9);
  EXPECT_THAT(labels(logarithmic_axis("", 30, 400, 10, plain)),
              ElementsAre("20", "50", "100", "200", "500"));
  const Axis one = logarithmic_axis("", 100, 100, 10, plain);
  EXPECT_LT(one.low, one.high);
  EXPECT_LE(logarithmic_axis("", 0, 0, 10, plain).low, 10);
}

TEST(PlotTest, APercentileAxisGoesAsFarAsThereAreDelays) {
  EXPECT_THAT(labels(percentile_axis("", 0.999)),
              ElementsAre("0 %", "50 %", "90 %", "99 %", "99.9 %"));
  EXPECT_NEAR(nines_of(0.99), 2, 1e-9);
}

TEST(PlotTest, WhatIsOutsideStandsAtTheEdge) {
  const Axis axis{.low = 1, .high = 3};
  EXPECT_EQ(axis.place(0), 0);
  EXPECT_EQ(axis.place(2), 0.5);
  EXPECT_EQ(axis.place(9), 1);
}

TEST(PlotTest, ALineGoesThroughItsPoints) {
  const Plot plot{
      .title = "<title>",
      .remark = "",
      .x = {.low = 0, .high = 1},
      .y = {.low = 0, .high = 1},
      .series = {{.name = "a & b", .colour = 2, .points = {{0, 0, "first"}, {1, 1, ""}}}}};
  const std::string svg = to_svg(plot);
  EXPECT_THAT(svg, HasSubstr("<path class='c2 line' d='M78.0 238.0L618.0 30.0'/>"));
  EXPECT_THAT(svg, HasSubstr("<title>first</title>"));
  EXPECT_THAT(svg, HasSubstr("a &amp; b"));
  EXPECT_THAT(svg, HasSubstr("aria-label='&lt;title&gt;'"));
  EXPECT_THAT(svg, Not(HasSubstr("<title></title>")));
}

}  // namespace
}  // namespace bench::results
