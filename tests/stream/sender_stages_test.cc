#include <gtest/gtest.h>

#include "server/stream/sender.h"
#include "tests/stream/sender_rig.h"

// Where a sender says that its deliveries have spent their time. The clock stands still, unless a
// test is slow on purpose.

namespace tests {

using runtime::Duration;
using server::stream::index_of;
using server::stream::Obstacle;
using server::stream::Stage;
using server::stream::StageFigure;
using server::wal::Lsn;
using server::wal::TimelineId;
using std::chrono::milliseconds;

namespace {

constexpr TimelineId kFirst{1};

struct SenderStagesTest : ::testing::Test {
  // A standby that has all WAL there is.
  Standby& live(int send_buffer_bytes = 0) {
    Standby& standby = rig.add({}, send_buffer_bytes);
    publish(5000);
    standby.sender.start(kFirst, rig.begin());
    EXPECT_TRUE(rig.stream_to(standby, rig.end()));
    rig.loop.turn_for_test();
    EXPECT_TRUE(standby.sender.delivery().is_live);
    EXPECT_EQ(figure(standby, Stage::kSent).count, 0u);  // it has caught up with all of it
    return standby;
  }
  void publish(std::uint64_t bytes) {
    rig.grow(bytes);
    rig.publish();
    rig.loop.turn_for_test();
  }
  static StageFigure figure(const Standby& standby, Stage stage) {
    return standby.sender.delivery().stages.at(index_of(stage));
  }
  void report(Standby& standby, Lsn write, Lsn flush, Lsn apply) {
    rig.loop.turn_for_test();  // in which it has come
    const std::string body = status_body(write, flush, apply);
    EXPECT_TRUE(standby.sender.on_copy_data(as_bytes(body)).has_value());
  }

  SenderRig rig;
};

TEST_F(SenderStagesTest, EachStageBeforeTheSocketIsNamedWhenItIsSlow) {
  Standby& standby = live();
  rig.grow(500);
  rig.tail.note_found(rig.clock.now());
  rig.clock.advance(milliseconds(1));
  rig.tail.note_stored(rig.clock.now());
  rig.clock.advance(milliseconds(2));
  rig.tail.note_proven(rig.clock.now());
  rig.clock.advance(milliseconds(3));
  rig.publish();
  rig.clock.advance(milliseconds(4));
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  EXPECT_EQ(figure(standby, Stage::kStored).mean, milliseconds(1));
  EXPECT_EQ(figure(standby, Stage::kProven).mean, milliseconds(2));
  EXPECT_EQ(figure(standby, Stage::kPublished).mean, milliseconds(3));
  EXPECT_EQ(figure(standby, Stage::kTaken).mean, milliseconds(4));
  EXPECT_EQ(figure(standby, Stage::kSent).count, 1u);
  EXPECT_EQ(figure(standby, Stage::kSent).mean, Duration::zero());
  const auto snapshot = rig.view.stages().snapshot(rig.clock.now());
  EXPECT_EQ(snapshot->recent.server.sum(), 10'000'000u);
}

TEST_F(SenderStagesTest, EveryStandbyOfALoopHasItsOwnDelivery) {
  live();
  live();
  live();
  publish(500);
  std::uint64_t expected = 3;  // the first was there when the others came, each with more WAL
  for (const auto& standby : rig.standbys) {
    ASSERT_TRUE(rig.stream_to(*standby, rig.end()));
    EXPECT_EQ(figure(*standby, Stage::kSent).count, expected--);
  }
}

TEST_F(SenderStagesTest, ASocketThatIsFullIsNamed) {
  Standby& standby = live(/*send_buffer_bytes=*/4096);
  rig.grow(500'000);
  rig.publish();
  rig.loop.turn_for_test();
  ASSERT_TRUE(standby.connection.blocked());
  EXPECT_EQ(standby.sender.delivery().obstacle, Obstacle::kSocketFull);
  rig.clock.advance(milliseconds(70));
  EXPECT_EQ(figure(standby, Stage::kSent).pending, milliseconds(70));
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  rig.loop.turn_for_test();
  EXPECT_EQ(figure(standby, Stage::kSent).mean, milliseconds(70));
  EXPECT_EQ(standby.sender.delivery().socket_full.delayed, milliseconds(70));
  EXPECT_EQ(standby.sender.delivery().socket_full.stood_still, milliseconds(70));
  EXPECT_EQ(standby.sender.delivery().obstacle, Obstacle::kNone);
}

TEST_F(SenderStagesTest, AColdReadIsNamedWhereAStandbyCatchesUp) {
  rig.fill_unproven(3'000'000);
  Standby& standby = rig.add();
  standby.sender.start(kFirst, rig.begin());
  rig.loop.turn_for_test();
  ASSERT_EQ(standby.sender.delivery().obstacle, Obstacle::kColdRead);
  rig.clock.advance(milliseconds(70));
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  EXPECT_GE(standby.sender.delivery().cold_read.stood_still, milliseconds(70));
  EXPECT_EQ(figure(standby, Stage::kSent).count, 0u);
}

TEST_F(SenderStagesTest, AStandbysReportsEndItsStages) {
  Standby& standby = live();
  publish(500);
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  const Lsn end = rig.end();
  rig.clock.advance(milliseconds(1));
  report(standby, end, rig.begin(), rig.begin());
  rig.clock.advance(milliseconds(20));
  report(standby, end, end, rig.begin());
  rig.clock.advance(milliseconds(300));
  EXPECT_EQ(figure(standby, Stage::kApplied).pending, milliseconds(300));
  report(standby, end, end, end);
  EXPECT_EQ(figure(standby, Stage::kWritten).mean, milliseconds(1));
  EXPECT_EQ(figure(standby, Stage::kFlushed).mean, milliseconds(20));
  EXPECT_EQ(figure(standby, Stage::kApplied).mean, milliseconds(300));
}

TEST_F(SenderStagesTest, WithoutANewSpanNothingIsCounted) {
  Standby& standby = live();
  rig.tail.announce(rig.clock.now());
  rig.loop.turn_for_test();
  report(standby, rig.end(), rig.end(), rig.end());
  EXPECT_EQ(figure(standby, Stage::kSent).count, 0u);
  EXPECT_EQ(figure(standby, Stage::kWritten).count, 0u);
}

}  // namespace

}  // namespace tests
