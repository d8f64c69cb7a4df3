#include "bench/walbench/histogram.h"

#include <gtest/gtest.h>

#include <limits>

namespace bench::walbench {
namespace {

TEST(HistogramTest, AnEmptyOneIsAllZeros) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_EQ(histogram.percentile(0.99), 0u);
}

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.add(value);
  EXPECT_EQ(histogram.count(), 100u);
  EXPECT_EQ(histogram.min(), 1u);
  EXPECT_EQ(histogram.max(), 100u);
  EXPECT_EQ(histogram.percentile(0.5), 50u);
  EXPECT_EQ(histogram.percentile(0.99), 99u);
  EXPECT_EQ(histogram.percentile(1), 100u);
}

TEST(HistogramTest, EveryValueIsWithinOnePartIn64OfItsPercentile) {
  for (int shift = 0; shift < 64; ++shift) {
    for (const std::uint64_t below : {0u, 1u}) {
      const std::uint64_t value = (std::uint64_t{1} << shift) - below;
      Histogram histogram;
      histogram.add(value);
      histogram.add(std::numeric_limits<std::uint64_t>::max());
      const std::uint64_t found = histogram.percentile(0.5);
      EXPECT_GE(found, value);
      EXPECT_LE(found - value, value / 64) << value;
    }
  }
}

TEST(HistogramTest, APercentileIsNeverAboveTheMaximum) {
  Histogram histogram;
  histogram.add(131'072);
  EXPECT_EQ(histogram.percentile(0.5), 131'072u);
}

TEST(HistogramTest, TwoAddUp) {
  Histogram first;
  Histogram second;
  for (int i = 0; i < 60; ++i) first.add(10);
  for (int i = 0; i < 40; ++i) second.add(20);
  first.add(second);
  first.add(Histogram());
  EXPECT_EQ(first.count(), 100u);
  EXPECT_EQ(first.min(), 10u);
  EXPECT_EQ(first.max(), 20u);
  EXPECT_EQ(first.percentile(0.6), 10u);
  EXPECT_EQ(first.percentile(0.61), 20u);
}

}  // namespace
}  // namespace bench::walbench
