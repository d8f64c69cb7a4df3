#include "bench/walbench/histogram.h"

#include <gtest/gtest.h>

#include <limits>

namespace bench::walbench {
namespace {

TEST(SmallHistogramTest, ItIsRightToWithinOnePartIn16) {
  for (int shift = 0; shift < 32; ++shift) {
    const std::uint64_t value = std::uint64_t{1} << shift;
    SmallHistogram histogram;
    histogram.add(value);
    histogram.add(std::numeric_limits<std::uint64_t>::max());
    EXPECT_GE(histogram.percentile(0.5), value);
    EXPECT_LE(histogram.percentile(0.5) - value, value / 16) << value;
  }
}

TEST(SmallHistogramTest, WhatIsTooLargeForItIsAtItsMaximum) {
  SmallHistogram histogram;
  histogram.add(std::uint64_t{1} << 40);
  histogram.add(std::uint64_t{1} << 50);
  EXPECT_EQ(histogram.percentile(0.01), std::uint64_t{1} << 50);
  EXPECT_EQ(histogram.min(), std::uint64_t{1} << 40);
}

// What a fleet of 20,000 keeps for each standby.
static_assert(sizeof(SmallHistogram) < 2048);

}  // namespace
}  // namespace bench::walbench
