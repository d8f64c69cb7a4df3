#include "bench/walbench/stamps.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <ctime>
#include <string>

#include "tests/runtime/loopback.h"

namespace bench::walbench {
namespace {

constexpr WallNanos kStamp = 0x1234567890ABC;
const std::string kText = "one@0001234567890abc";

Histogram delays_in(const std::string& wal, WallNanos after) {
  Histogram delays;
  add_delays(std::as_bytes(std::span(wal)), "one", kStamp + after, delays);
  return delays;
}

TEST(StampsTest, TheTimeSinceAStampIsCounted) {
  const Histogram delays = delays_in("record" + kText + "record", 5'000);
  EXPECT_EQ(delays.count(), 1u);
  EXPECT_EQ(delays.max(), 5u);
}

TEST(StampsTest, EveryStampOfTheLabelIsCounted) {
  EXPECT_EQ(delays_in(kText + kText + "two@0001234567890abc" + kText, 1'000).count(), 3u);
}

TEST(StampsTest, AStampFromTheFutureHasTakenNoTime) {
  EXPECT_EQ(delays_in(kText, -5'000).max(), 0u);
  EXPECT_EQ(delays_in(kText, -5'000).count(), 1u);
}

TEST(StampsTest, WhatIsNoWholeStampIsLeftOut) {
  for (std::size_t size = 0; size < kText.size(); ++size) {
    EXPECT_EQ(delays_in(kText.substr(0, size), 1'000).count(), 0u) << size;
  }
  EXPECT_EQ(delays_in("one@000123456789-abc", 1'000).count(), 0u);
  EXPECT_EQ(delays_in("one 0001234567890abc", 1'000).count(), 0u);
  EXPECT_EQ(delays_in("one@one@000", 1'000).count(), 0u);
}

TEST(StampsTest, WhatIsReadHasTheTimeAtWhichItCame) {
  const tests::Loopback sockets;
  ask_for_arrival_times(sockets.here());
  std::byte buffer[8];
  WallNanos arrived_at = 0;
  EXPECT_EQ(receive_at(sockets.here(), buffer, arrived_at).status,
            runtime::IoResult::Status::kBlocked);
  timespec before{};
  ::clock_gettime(CLOCK_REALTIME, &before);
  ASSERT_EQ(::send(sockets.there(), "12345", 5, 0), 5);
  ASSERT_TRUE(tests::await(sockets.here(), POLLIN));
  const auto result = receive_at(sockets.here(), buffer, arrived_at);
  EXPECT_EQ(result.status, runtime::IoResult::Status::kDone);
  EXPECT_EQ(result.bytes, 5u);
  EXPECT_GE(arrived_at, before.tv_sec * 1'000'000'000 + before.tv_nsec);
  ASSERT_EQ(::shutdown(sockets.there(), SHUT_WR), 0);
  ASSERT_TRUE(tests::await(sockets.here(), POLLIN));
  EXPECT_EQ(receive_at(sockets.here(), buffer, arrived_at).status, runtime::IoResult::Status::kEnd);
}

}  // namespace
}  // namespace bench::walbench
