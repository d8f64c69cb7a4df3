#include "bench/results/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bench/results/page_style.h"
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

// A plot with so many series, each of two points.
Plot plot_of(std::size_t count, const std::string& name) {
  Plot plot{.title = "title", .remark = ""};
  for (std::size_t i = 0; i < count; ++i) {
    plot.series.push_back(
        {.name = name + std::to_string(i), .colour = i, .points = {{0, 0, ""}, {1, 1, ""}}});
  }
  return plot;
}

// Every number that follows `before` in the picture.
std::vector<double> numbers_after(const std::string& svg, const std::string& before) {
  std::vector<double> numbers;
  for (auto at = svg.find(before); at != svg.npos; at = svg.find(before, at + 1)) {
    numbers.push_back(std::stod(svg.substr(at + before.size())));
  }
  return numbers;
}

TEST(PlotTest, NamesOfManySeriesMakeThePictureHigherAndNoPlotSmaller) {
  const std::string few = to_svg(plot_of(2, "class "));
  const std::string many = to_svg(plot_of(100, "a class of standbys, number "));
  const double height = numbers_after(few, "<svg viewBox='0 0 640 ").at(0);
  const double higher = numbers_after(many, "<svg viewBox='0 0 640 ").at(0);
  EXPECT_EQ(height, 280);
  EXPECT_GT(higher, height + 300);
  // The last name stands above the plot, whose area is as high as that of few.
  std::vector<double> names;
  const std::string text = "<text class='legend' x='";
  for (auto at = many.find(text); at != many.npos; at = many.find(text, at + 1)) {
    names.push_back(std::stod(many.substr(many.find("y='", at) + 3)));
  }
  ASSERT_EQ(names.size(), 100u);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  const double line_top = higher - 42 - 208;
  EXPECT_LT(names.back(), line_top);
  EXPECT_THAT(many, HasSubstr(runtime::format("L618.0 {:.1f}", line_top)));
}

TEST(PlotTest, ANameThatIsTooLongForARowIsCutAndStandsInFullBesideIt) {
  std::string name = "<standby>";
  for (int i = 0; i < 100; ++i) name += "\u00e9";  // a letter of two bytes
  const std::string svg = to_svg(plot_of(1, name + " written "));
  EXPECT_THAT(svg, HasSubstr("\u2026"));
  EXPECT_THAT(svg, HasSubstr("written 0<title>&lt;standby&gt;"));
  EXPECT_THAT(svg, HasSubstr("written 0</title>"));
  EXPECT_THAT(svg, Not(HasSubstr("\xC3\u2026"))) << "no letter is cut in two";
}

// Letters count, not their bytes: these have room in one row.
TEST(PlotTest, NamesStandBesideEachOtherByTheirLetters) {
  std::string name;
  for (int i = 0; i < 30; ++i) name += "\u00e9";
  const std::string svg = to_svg(plot_of(2, name));
  EXPECT_EQ(numbers_after(svg, "<svg viewBox='0 0 640 ").at(0), 280);
}

TEST(PlotTest, ASeventhSeriesHasAColourThatThePageHas) {
  const std::string svg = to_svg(plot_of(8, "s"));
  EXPECT_THAT(svg, HasSubstr("<path class='c5 line' "));
  EXPECT_THAT(svg, HasSubstr("<path class='c0 d1 line' "));
  EXPECT_THAT(svg, HasSubstr("<path class='c1 d1 line swatch' "));
  EXPECT_THAT(svg, Not(HasSubstr("class='c6")));
  EXPECT_THAT(std::string(kPageStyle), HasSubstr(".d1{stroke-dasharray"));
}

}  // namespace
}  // namespace bench::results
