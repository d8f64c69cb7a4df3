#include <gtest/gtest.h>

#include "tests/stream/sender_rig.h"

// A stream that an admin has paused (walcast_pause).

namespace tests {

using server::stream::Sender;
using server::wal::Lsn;
using server::wal::TimelineId;
using std::chrono::seconds;

namespace {

struct SenderPauseTest : ::testing::Test {
  SenderPauseTest() { rig.fill(50'000); }
  void turn() {
    for (int i = 0; i < 3; ++i) rig.loop.turn_for_test();
    while (standby.receive()) {
    }
  }
  void grow() {
    rig.grow(20'000);
    rig.publish();
    turn();
  }
  void reply(bool wants_answer = false) {
    const auto taken =
        standby.sender.on_copy_data(as_bytes(status_body(Lsn(1), Lsn(1), Lsn(1), wants_answer)));
    EXPECT_TRUE(taken.has_value());
    turn();
  }

  SenderRig rig;
  Standby& standby = rig.add({.timeout = seconds(10)});
};

TEST_F(SenderPauseTest, WalWaitsAndComesWithoutAGapWhenItGoesOn) {
  standby.sender.start(TimelineId{1}, rig.begin());
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  const Lsn paused_at = rig.end();
  standby.sender.set_paused(true);
  grow();
  grow();
  EXPECT_EQ(standby.sender.sent(), paused_at);
  EXPECT_TRUE(standby.sender.paused());
  EXPECT_TRUE(standby.sender.active());
  standby.sender.set_paused(false);
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), rig.end()));
}

TEST_F(SenderPauseTest, KeepalivesGoOnAndASilentStandbyIsDropped) {
  standby.sender.set_paused(true);
  standby.sender.start(TimelineId{1}, rig.begin());
  turn();
  EXPECT_EQ(standby.kinds(), "");
  reply(/*wants_answer=*/true);
  EXPECT_EQ(standby.kinds(), "k") << "the answer";
  rig.clock.advance(seconds(6));
  turn();
  EXPECT_EQ(standby.kinds(), "kk") << "the ping";
  reply();
  rig.clock.advance(seconds(6));
  turn();
  EXPECT_TRUE(standby.sender.active()) << "it has answered";
  rig.clock.advance(seconds(11));
  turn();
  EXPECT_TRUE(standby.lost.has_value());
}

TEST_F(SenderPauseTest, AServerThatStopsSendsTheRest) {
  standby.sender.start(TimelineId{1}, rig.begin());
  standby.sender.set_paused(true);
  turn();
  standby.sender.shut_down();
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  standby.sender.set_paused(true);
  EXPECT_FALSE(standby.sender.paused()) << "nothing holds up a stream that drains";
}

TEST_F(SenderPauseTest, TheStandbyMayEndItsStream) {
  standby.sender.set_paused(true);
  standby.sender.start(TimelineId{1}, rig.begin());
  turn();
  standby.sender.on_copy_done();
  turn();
  EXPECT_TRUE(standby.ended);
  standby.connection.flush();
  standby.receive();
  EXPECT_EQ(standby.kinds(), "c");
}

}  // namespace
}  // namespace tests
