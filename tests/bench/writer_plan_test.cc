#include <gtest/gtest.h>

#include "bench/live/writer.h"

namespace bench::live {
namespace {

constexpr WallNanos kEnd = 100 * kNanosPerSecond;

TEST(WriterPlanTest, WithoutAnEndItIsNeverOver) {
  EXPECT_FALSE(WriterPlan().is_over(kEnd, 2 * kEnd));
}

// The commits that are late at the end are the ones that had to wait.
TEST(WriterPlanTest, WhatWasDueBeforeTheEndIsWrittenALittleLater) {
  WriterPlan plan;
  plan.end = kEnd;
  EXPECT_FALSE(plan.is_over(kEnd - 1, kEnd - 5));
  EXPECT_FALSE(plan.is_over(kEnd - 1, kEnd + kNanosPerSecond / 2));
  EXPECT_TRUE(plan.is_over(kEnd - 1, kEnd + kNanosPerSecond)) << "a server that is far behind";
  EXPECT_TRUE(plan.is_over(kEnd, kEnd - 5)) << "it is made ready before it is due";
}

}  // namespace
}  // namespace bench::live
