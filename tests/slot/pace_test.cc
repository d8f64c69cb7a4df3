#include "server/slot/pace.h"

#include <gtest/gtest.h>

#include <vector>

#include "server/slot/slots.h"

namespace server::slot {
namespace {

using std::chrono::milliseconds;

runtime::Instant at(int ms) { return runtime::Instant(std::chrono::hours(1) + milliseconds(ms)); }

TEST(PaceTest, ABurstIsAtOnceAndThenEachTakesAnInterval) {
  Pace pace(100, 3);
  const std::vector<int> expected{0, 0, 0, 10, 20, 30};
  for (const int begin : expected) EXPECT_EQ(pace.take(at(0)), at(begin)) << begin;
  EXPECT_EQ(pace.take(at(35)), at(40));
}

TEST(PaceTest, WhatComesSeldomIsNeverHeldUp) {
  Pace pace(100, 1);
  for (int now = 0; now < 200; now += 10) EXPECT_EQ(pace.take(at(now)), at(now));
}

TEST(PaceTest, ABurstIsSavedUpOnceAndNotMore) {
  Pace pace(100, 3);
  for (int i = 0; i < 3; ++i) pace.take(at(0));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pace.take(at(100'000)), at(100'000));
  EXPECT_EQ(pace.take(at(100'000)), at(100'010));
}

// Of all sessions together.
TEST(PaceTest, SlotsChangeAtABoundedRate) {
  Slots slots({});
  int in_a_second = 0;
  for (auto now = at(0); now <= at(1000);) {
    const runtime::Instant begin = slots.take_turn(now);
    if (begin == now) ++in_a_second;
    now = begin;
  }
  EXPECT_EQ(in_a_second, Slots::kChangesBurst + Slots::kChangesPerSecond);
}

TEST(PaceTest, WhoAsksTooEarlyTakesNothing) {
  Pace pace(100, 2);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(pace.take_if_due(at(0)), at(0));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(pace.take_if_due(at(i % 10)), at(10));
  EXPECT_EQ(pace.take_if_due(at(10)), at(10));
  EXPECT_EQ(pace.take_if_due(at(10)), at(20));
}

}  // namespace
}  // namespace server::slot
