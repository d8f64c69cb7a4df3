#include "bench/walbench/arrivals.h"

#include <gtest/gtest.h>

namespace bench::walbench {
namespace {

constexpr WallNanos kWindow = 1'000'000'000;

TEST(ArrivalsTest, ADelayCountsInItsClassItsStandbyAndTheWindowOfItsBegin) {
  const Windows windows(kWindow);
  Arrivals arrivals(2, 3, windows);
  arrivals.add(0, 0, 5 * kWindow, 5 * kWindow + 7'000);
  arrivals.add(0, 1, 5 * kWindow + 1, 8 * kWindow);
  arrivals.add(1, 2, 6 * kWindow, 6 * kWindow + 9'000);
  const DelaySeries& fast = arrivals.classes()[0];
  EXPECT_EQ(fast.all_us.count(), 2u);
  ASSERT_EQ(fast.windows_us.size(), 1u);
  EXPECT_EQ(fast.windows_us.at(5).count(), 2u);
  EXPECT_EQ(fast.windows_us.at(5).max(), 2'999'999u);
  EXPECT_EQ(arrivals.classes()[1].windows_us.at(6).max(), 9u);
  EXPECT_EQ(arrivals.standbys_us()[0].max(), 7u);
  EXPECT_EQ(arrivals.standbys_us()[1].count(), 1u);
}

TEST(ArrivalsTest, WhatArrivesCountsInTheWindowOfItsArrivalToo) {
  const Windows windows(kWindow);
  Arrivals arrivals(1, 1, windows);
  arrivals.add(0, 0, 5 * kWindow, 5 * kWindow + 7'000);
  arrivals.add(0, 0, 5 * kWindow + 1, 8 * kWindow);
  EXPECT_EQ(arrivals.by_window(), (std::map<std::int64_t, std::uint64_t>{{5, 1}, {8, 1}}));
}

TEST(ArrivalsTest, WhatComesWhenTheFleetLeavesIsNotCounted) {
  const Windows windows(kWindow);
  Arrivals arrivals(1, 1, windows);
  arrivals.add(0, 0, 0, 1'000);
  arrivals.close();
  arrivals.add(0, 0, 0, 13 * kWindow);
  EXPECT_EQ(arrivals.classes()[0].all_us.count(), 1u);
  EXPECT_EQ(arrivals.standbys_us()[0].count(), 1u);
  EXPECT_EQ(arrivals.by_window().size(), 1u);
}

TEST(ArrivalsTest, WhatIsRecentIsToldOnce) {
  const Windows windows(kWindow);
  Arrivals arrivals(1, 1, windows);
  arrivals.add(0, 0, 0, 1'000);
  EXPECT_EQ(arrivals.take_recent_us().count(), 1u);
  EXPECT_EQ(arrivals.take_recent_us().count(), 0u);
  EXPECT_EQ(arrivals.classes()[0].all_us.count(), 1u);
}

TEST(WindowsTest, TheFirstBeginsWhereItIsTold) {
  Windows windows(kWindow);
  windows.begin_at(5 * kWindow + 300);
  EXPECT_EQ(windows.number(5 * kWindow + 300), 0);
  EXPECT_EQ(windows.number(6 * kWindow + 299), 0);
  EXPECT_EQ(windows.number(6 * kWindow + 300), 1);
  EXPECT_EQ(windows.number(5 * kWindow + 299), -1);
  EXPECT_EQ(windows.number(4 * kWindow + 300), -1);
  EXPECT_EQ(windows.number(4 * kWindow + 299), -2);
}

TEST(DelaySeriesTest, TwoAddUpWindowByWindow) {
  DelaySeries first;
  DelaySeries second;
  first.add(1, 10);
  second.add(1, 20);
  second.add(2, 30);
  first.add(second);
  EXPECT_EQ(first.all_us.count(), 3u);
  EXPECT_EQ(first.windows_us.at(1).max(), 20u);
  EXPECT_EQ(first.windows_us.at(2).count(), 1u);
}

}  // namespace
}  // namespace bench::walbench
