#include "server/stream/stage_clock.h"

#include <gtest/gtest.h>

#include <memory>

namespace tests {

using runtime::Duration;
using runtime::Instant;
using server::stream::index_of;
using server::stream::Stage;
using server::stream::StageClock;
using server::stream::StageSnapshot;
using server::wal::Lsn;
using server::wal::WalSpan;
using std::chrono::microseconds;
using std::chrono::seconds;

namespace {

// A minute has just begun.
constexpr Instant kBegin{std::chrono::hours(1)};

// A span that takes 4 us to be received, 1 to be stored, 2 to be proven and 3 to be published.
WalSpan span(std::uint64_t end, Instant found) {
  return {.timelines = nullptr,
          .begin = Lsn(end - 1),
          .end = Lsn(end),
          .published = found + microseconds(6),
          .arrived = found - microseconds(4),
          .found = found,
          .stored = found + microseconds(1),
          .proven = found + microseconds(3)};
}

std::uint64_t only_value(const StageSnapshot& snapshot, Stage stage) {
  const auto& times = snapshot.recent.stages.at(index_of(stage));
  EXPECT_EQ(times.count(), 1u);
  return times.sum();
}

struct StageClockTest : ::testing::Test {
  // One span to one standby, 14 us on its way.
  void deliver(Instant found) {
    stages->pop(span(++end, found));
    stages->taken(found + microseconds(8));
    const auto& last = stages->span(stages->next() - 1);
    stages->count_sent(last, last.taken, found + microseconds(10));
  }

  std::unique_ptr<StageClock> stages = std::make_unique<StageClock>();
  std::uint64_t end = 100;
};

TEST_F(StageClockTest, EachStageCountsFromTheOneBefore) {
  deliver(kBegin);
  const auto snapshot = stages->snapshot(kBegin + microseconds(10));
  EXPECT_EQ(only_value(*snapshot, Stage::kReceived), 4'000u);
  EXPECT_EQ(only_value(*snapshot, Stage::kStored), 1'000u);
  EXPECT_EQ(only_value(*snapshot, Stage::kProven), 2'000u);
  EXPECT_EQ(only_value(*snapshot, Stage::kPublished), 3'000u);
  EXPECT_EQ(only_value(*snapshot, Stage::kTaken), 2'000u);
  EXPECT_EQ(only_value(*snapshot, Stage::kSent), 2'000u);
  EXPECT_EQ(snapshot->recent.server.sum(), 14'000u);
}

TEST_F(StageClockTest, ASpanWithoutWalIsNone) {
  WalSpan none = span(200, kBegin);
  none.begin = none.end;
  stages->pop(none);
  stages->taken(kBegin);
  EXPECT_EQ(stages->next(), 0u);
}

TEST_F(StageClockTest, ASpanIsKnownOnceItIsSaidWhenItWasTaken) {
  stages->pop(span(200, kBegin));
  EXPECT_EQ(stages->next(), 0u);
  stages->taken(kBegin + seconds(1));
  EXPECT_EQ(stages->next(), 1u);
  EXPECT_EQ(stages->span(0).taken, kBegin + seconds(1));
}

TEST_F(StageClockTest, KnowsTheLastSpans) {
  for (std::uint64_t i = 0; i < 2 * StageClock::kSpans; ++i) stages->pop(span(200 + i, kBegin));
  stages->taken(kBegin);
  EXPECT_EQ(stages->first(), StageClock::kSpans);
  EXPECT_EQ(stages->next(), 2 * StageClock::kSpans);
  EXPECT_EQ(stages->span(stages->first()).end, Lsn(200 + StageClock::kSpans));
  EXPECT_EQ(stages->span(stages->first()).taken, kBegin);
}

TEST_F(StageClockTest, AMinuteIsRecentUntilTheNextOneIsOver) {
  deliver(kBegin);
  EXPECT_EQ(stages->snapshot(kBegin + seconds(59))->recent.server.count(), 1u);
  EXPECT_EQ(stages->snapshot(kBegin + seconds(60))->recent.server.count(), 1u);
  deliver(kBegin + seconds(100));
  EXPECT_EQ(stages->snapshot(kBegin + seconds(119))->recent.server.count(), 2u);
  EXPECT_EQ(stages->snapshot(kBegin + seconds(120))->recent.server.count(), 1u);
  EXPECT_EQ(stages->snapshot(kBegin + seconds(180))->recent.server.count(), 0u);
  EXPECT_EQ(stages->snapshot(kBegin + seconds(180))->all.server.count(), 2u);
}

TEST_F(StageClockTest, AfterALongSilenceNothingIsRecentAndNothingIsLost) {
  deliver(kBegin);
  deliver(kBegin + seconds(60));
  const auto snapshot = stages->snapshot(kBegin + std::chrono::hours(5));
  EXPECT_EQ(snapshot->recent.server.count(), 0u);
  EXPECT_EQ(snapshot->all.server.count(), 2u);
}

// A turn of the loop has begun before the clock was read within it.
TEST_F(StageClockTest, ATimeFromTheMinuteBeforeOpensNoNewMinute) {
  deliver(kBegin + seconds(60));
  stages->count_reported(Stage::kWritten, seconds(1), kBegin + seconds(59));
  const auto snapshot = stages->snapshot(kBegin + seconds(61));
  EXPECT_EQ(snapshot->recent.server.count(), 1u);
  EXPECT_EQ(only_value(*snapshot, Stage::kWritten), 1'000'000'000u);
}

TEST_F(StageClockTest, SaysWhichTimeIsCovered) {
  EXPECT_EQ(stages->snapshot(kBegin)->recent_time, Duration::zero());
  deliver(kBegin + seconds(10));
  EXPECT_EQ(stages->snapshot(kBegin + seconds(30))->recent_time, seconds(30));
  EXPECT_EQ(stages->snapshot(kBegin + seconds(90))->recent_time, seconds(90));
  EXPECT_EQ(stages->snapshot(kBegin + seconds(150))->recent_time, seconds(90));
}

TEST_F(StageClockTest, FiguresOfAStageAreOfTheRecentMinutes) {
  deliver(kBegin);
  EXPECT_EQ(stages->figure(index_of(Stage::kProven), kBegin + seconds(119)).mean, microseconds(2));
  EXPECT_EQ(stages->figure(index_of(Stage::kProven), kBegin + seconds(119)).count, 1u);
  EXPECT_EQ(stages->figure(index_of(Stage::kProven), kBegin + seconds(120)).count, 0u);
  deliver(kBegin + seconds(60));
  EXPECT_EQ(stages->figure(index_of(Stage::kProven), kBegin + seconds(61)).count, 2u);
  EXPECT_EQ(stages->figure(index_of(Stage::kProven), kBegin + seconds(120)).count, 1u);
}

TEST_F(StageClockTest, SnapshotsOfTwoLoopsAddUp) {
  deliver(kBegin);
  const auto first = stages->snapshot(kBegin + seconds(1));
  deliver(kBegin + seconds(2));
  const auto second = stages->snapshot(kBegin + seconds(3));
  StageSnapshot both;
  both.add(*first);
  both.add(*second);
  EXPECT_EQ(both.recent.server.count(), 3u);
  EXPECT_EQ(both.all.stages.at(index_of(Stage::kSent)).count(), 3u);
  EXPECT_EQ(both.recent_time, seconds(3) - microseconds(10));
}

}  // namespace

}  // namespace tests
