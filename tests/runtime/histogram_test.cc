#include "runtime/histogram.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace runtime {
namespace {

using Histogram = BasicHistogram<std::uint64_t, 6, 64>;
using Short = BasicHistogram<std::uint32_t, 5, 40>;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST(HistogramTest, AnEmptyOneIsAllZeros) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.sum(), 0u);
  EXPECT_EQ(histogram.mean(), 0);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_EQ(histogram.percentile(0.99), 0u);
}

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.add(value);
  EXPECT_EQ(histogram.count(), 100u);
  EXPECT_EQ(histogram.sum(), 5050u);
  EXPECT_EQ(histogram.mean(), 50.5);
  EXPECT_EQ(histogram.min(), 1u);
  EXPECT_EQ(histogram.max(), 100u);
  EXPECT_EQ(histogram.percentile(0.5), 50u);
  EXPECT_EQ(histogram.percentile(0.99), 99u);
  EXPECT_EQ(histogram.percentile(1), 100u);
}

// The value beside it keeps the maximum from hiding an error.
template <typename Kind>
void expect_near(std::uint64_t value, std::uint64_t parts) {
  Kind histogram;
  histogram.add(value);
  histogram.add(kMax);
  const std::uint64_t found = histogram.percentile(0.5);
  EXPECT_GE(found, value);
  EXPECT_LE(found - value, value / parts) << value;
}

TEST(HistogramTest, EveryValueIsWithinOnePartIn64OfItsPercentile) {
  for (int shift = 0; shift < 64; ++shift) {
    for (const std::uint64_t below : {0u, 1u}) {
      expect_near<Histogram>((std::uint64_t{1} << shift) - below, 64);
    }
  }
}

TEST(HistogramTest, OneOfLessPrecisionIsWithinOnePartIn32UpToItsLimit) {
  for (int shift = 0; shift < 40; ++shift) {
    for (const std::uint64_t below : {0u, 1u}) {
      expect_near<Short>((std::uint64_t{1} << shift) - below, 32);
    }
  }
}

TEST(HistogramTest, ValuesBeyondTheLimitAreCountedAndTheirMaximumIsRight) {
  Short histogram;
  histogram.add(std::uint64_t{1} << 40);
  histogram.add(std::uint64_t{1} << 50);
  histogram.add(7);
  EXPECT_EQ(histogram.count(), 3u);
  EXPECT_EQ(histogram.percentile(0.3), 7u);
  EXPECT_EQ(histogram.percentile(0.5), std::uint64_t{1} << 50);
  EXPECT_EQ(histogram.max(), std::uint64_t{1} << 50);
}

TEST(HistogramTest, APercentileIsNeverAboveTheMaximum) {
  Histogram histogram;
  histogram.add(131'072);
  EXPECT_EQ(histogram.percentile(0.5), 131'072u);
}

TEST(HistogramTest, ValuesBelowAPowerOfTwoAreCountedExactly) {
  Histogram histogram;
  for (const std::uint64_t value : {0, 1, 15, 16, 31, 32, 63, 64, 1023, 1024}) histogram.add(value);
  EXPECT_EQ(histogram.count_below_power(0), 1u);
  EXPECT_EQ(histogram.count_below_power(4), 3u);
  EXPECT_EQ(histogram.count_below_power(5), 5u);
  EXPECT_EQ(histogram.count_below_power(6), 7u);
  EXPECT_EQ(histogram.count_below_power(7), 8u);
  EXPECT_EQ(histogram.count_below_power(10), 9u);
  EXPECT_EQ(histogram.count_below_power(11), 10u);
}

TEST(HistogramTest, TwoAddUp) {
  Histogram first;
  Histogram second;
  for (int i = 0; i < 60; ++i) first.add(10);
  for (int i = 0; i < 40; ++i) second.add(20);
  first.add(second);
  first.add(Histogram());
  EXPECT_EQ(first.count(), 100u);
  EXPECT_EQ(first.sum(), 1400u);
  EXPECT_EQ(first.min(), 10u);
  EXPECT_EQ(first.max(), 20u);
  EXPECT_EQ(first.percentile(0.6), 10u);
  EXPECT_EQ(first.percentile(0.61), 20u);
}

TEST(HistogramTest, SmallCountsAddUpInOneOfLargeCounts) {
  BasicHistogram<std::uint64_t, 5, 40> all;
  Short minute;
  minute.add(1000);
  all.add(minute);
  all.add(minute);
  EXPECT_EQ(all.count(), 2u);
  EXPECT_EQ(all.percentile(0.5), 1000u);
}

}  // namespace
}  // namespace runtime
