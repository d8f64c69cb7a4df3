#include "server/command/start.h"

#include <gtest/gtest.h>

#include "runtime/errors.h"
#include "server/stream/errors.h"
#include "tests/command/wal_view_fixture.h"

namespace server::command {
namespace {

constexpr wal::TimelineId kOldest{1};
constexpr wal::TimelineId kMiddle{2};
constexpr wal::TimelineId kTip{5};
constexpr wal::Lsn kFirstFork(0x3029D08);
constexpr wal::Lsn kSecondFork(0x5000000);
constexpr wal::Lsn kEnd(0xB031A20);

struct StartTest : testing::Test {
  runtime::Result<StartPoint> start(wal::Lsn from, std::optional<wal::TimelineId> timeline) {
    return check_start(wal.view(), {.slot = {}, .start = from, .timeline = timeline});
  }
  tests::WalViewFixture wal{15};
};

TEST_F(StartTest, ATimelineMustBeInTheHistory) {
  for (const std::uint32_t timeline : {3u, 4u, 6u, 0xFFFFFFFFu}) {
    const auto point = start(kFirstFork, wal::TimelineId{timeline});
    ASSERT_FALSE(point);
    EXPECT_EQ(point.error().what, "requested timeline " + std::to_string(timeline) +
                                      " is not in this server's history");
    EXPECT_EQ(point.error().kind->code, "XX000");
  }
}

TEST_F(StartTest, WithoutATimelineItIsTheNewest) {
  const StartPoint point = start(kEnd, std::nullopt).value();
  EXPECT_EQ(point.timeline, kTip);
  EXPECT_EQ(point.start, kEnd);
  EXPECT_FALSE(point.nothing_but.has_value());
}

TEST_F(StartTest, AnOlderTimelineIsStreamedUpToItsFork) {
  for (const auto& [timeline, fork] :
       {std::pair(kOldest, kFirstFork), std::pair(kMiddle, kSecondFork)}) {
    const StartPoint point = start(fork - 1, timeline).value();
    EXPECT_EQ(point.timeline, timeline);
    EXPECT_EQ(point.start, fork - 1);
    EXPECT_FALSE(point.nothing_but.has_value());
  }
}

TEST_F(StartTest, BeyondItsForkThereIsNothing) {
  const auto point = start(kFirstFork + 1, kOldest);
  ASSERT_FALSE(point);
  EXPECT_EQ(point.error().what,
            "requested starting point 0/3029D09 on timeline 1 is not in this server's history");
  EXPECT_EQ(point.error().detail, "This server's history forked from timeline 1 at 0/3029D08.");
  EXPECT_EQ(point.error().kind->code, "XX000");
}

TEST_F(StartTest, ExactlyAtItsForkOnlyTheNextTimelineIsTold) {
  const StartPoint point = start(kFirstFork, kOldest).value();
  ASSERT_TRUE(point.nothing_but.has_value());
  EXPECT_EQ(point.nothing_but->timeline, kMiddle);
  EXPECT_EQ(point.nothing_but->begin, kFirstFork);
  EXPECT_EQ(start(kSecondFork, kMiddle)->nothing_but->timeline, kTip);
}

TEST_F(StartTest, AheadOfTheEndIsToldAfterwards) {
  EXPECT_TRUE(start(kEnd + 1, kTip)) << "this check comes after CopyBothResponse";
  EXPECT_TRUE(check_available(wal.view(), {kTip, kEnd, {}}));
  const auto ahead = check_available(wal.view(), {kTip, kEnd + 1, {}});
  ASSERT_FALSE(ahead);
  EXPECT_EQ(ahead.error().what,
            "requested starting point 0/B031A21 is ahead of the WAL flush position of this server "
            "0/B031A20");
  EXPECT_EQ(ahead.error().kind->code, "XX000");
}

// A timeline may be known to end where its WAL has not come yet.
TEST_F(StartTest, AheadOfTheEndOnAnOlderTimelineIsTheSame) {
  const tests::WalViewFixture short_wal(15, kFirstFork - 0x1000);
  const wal::Lsn end = short_wal.view().end();
  EXPECT_TRUE(check_available(short_wal.view(), {kOldest, end, {}}));
  const auto ahead = check_available(short_wal.view(), {kOldest, end + 1, {}});
  ASSERT_FALSE(ahead);
  EXPECT_EQ(ahead.error().what, stream::ahead_of_wal(end + 1, end).what);
  EXPECT_TRUE(check_available(wal.view(), {kOldest, kFirstFork - 1, {}}));
}

// PostgreSQL finds no file for it, and names the one it looked for. That is of the segment: the
// first one of a timeline begins with its parent's WAL.
}  // namespace
}  // namespace server::command
