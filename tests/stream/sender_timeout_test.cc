#include <gtest/gtest.h>

#include <algorithm>

#include "server/stream/errors.h"
#include "tests/stream/sender_rig.h"

// wal_sender_timeout: WalSndKeepaliveIfNecessary and WalSndCheckTimeOut of walsender.c.

namespace tests {

using server::stream::Sender;
using server::wal::Lsn;
using server::wal::TimelineId;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct TimeoutTest : ::testing::Test {
  TimeoutTest() { rig.fill(50'000); }
  void pass(runtime::Duration time) {
    rig.clock.advance(time);
    rig.loop.turn_for_test();
    rig.loop.turn_for_test();
    while (standby.receive()) {
    }
  }
  void reply() {
    const auto taken = standby.sender.on_copy_data(as_bytes(status_body(Lsn(1), Lsn(1), Lsn(1))));
    EXPECT_TRUE(taken.has_value());
  }
  void start() {
    standby.sender.start(TimelineId{1}, rig.end());
    rig.loop.turn_for_test();
  }

  SenderRig rig;
  Standby& standby = rig.add({.timeout = seconds(10)});
};

// While it streams, a standby does not look into its archive for the WAL that does not come here.
TEST_F(TimeoutTest, AStandbyThatIsAheadIsLetGoWhenNothingHasComeForTheTimeout) {
  const Lsn known = rig.end();
  const Lsn ahead = known + 100'000;
  rig.tail.promise(ahead);
  rig.tail.announce(rig.clock.now());
  rig.loop.turn_for_test();
  standby.sender.start(TimelineId{1}, ahead);
  const auto wait = [&](int halves) {
    for (int i = 0; i < halves; ++i) {
      pass(seconds(5));
      if (standby.sender.active()) reply();
    }
  };
  wait(1);
  EXPECT_TRUE(standby.sender.active());
  rig.grow(5000);
  rig.publish();
  rig.loop.turn_for_test();
  wait(2);
  EXPECT_TRUE(standby.sender.active()) << "WAL has come, though not that which it waits for";
  wait(1);
  ASSERT_TRUE(standby.failure.has_value());
  EXPECT_EQ(standby.failure->what, server::stream::ahead_of_wal(ahead, rig.end()).what);
}

TEST_F(TimeoutTest, AnIdleStreamIsSilentUntilHalfOfTheTimeout) {
  start();
  pass(milliseconds(4999));
  EXPECT_EQ(standby.kinds(), "");
  pass(milliseconds(1));
  ASSERT_EQ(standby.kinds(), "k");
  const auto ping = keepalive(standby.messages[0]);
  EXPECT_TRUE(ping->reply_requested);
  EXPECT_EQ(ping->wal_end, rig.end());
}

TEST_F(TimeoutTest, ItIsPingedOnceAndCutAtTheTimeout) {
  start();
  pass(seconds(5));
  pass(seconds(4));
  pass(milliseconds(999));
  EXPECT_EQ(standby.kinds(), "k");
  EXPECT_FALSE(standby.lost.has_value());
  pass(milliseconds(1));
  ASSERT_TRUE(standby.lost.has_value());
  EXPECT_EQ(*standby.lost, "terminating walsender process due to replication timeout");
  EXPECT_EQ(standby.kinds(), "k") << "nothing is said to the standby";
  EXPECT_FALSE(standby.failure.has_value());
}

TEST_F(TimeoutTest, AnyMessageStartsItAnew) {
  start();
  pass(milliseconds(4900));
  reply();
  pass(milliseconds(4900));
  EXPECT_EQ(standby.kinds(), "");
  pass(milliseconds(100));
  EXPECT_EQ(standby.kinds(), "k");
  reply();
  pass(milliseconds(4999));
  EXPECT_EQ(standby.kinds(), "k");
  pass(milliseconds(1));
  EXPECT_EQ(standby.kinds(), "kk");
  EXPECT_FALSE(standby.lost.has_value());
}

TEST_F(TimeoutTest, ABlockedStandbyIsCutAsWell) {
  rig.fill(400'000);
  Standby& slow = rig.add({.timeout = seconds(10)}, /*send_buffer_bytes=*/4096);
  slow.sender.start(TimelineId{1}, rig.begin());
  ASSERT_TRUE(rig.turn_until([&] { return slow.connection.blocked(); }));
  pass(seconds(5));
  EXPECT_FALSE(slow.lost.has_value());
  pass(seconds(5));
  EXPECT_TRUE(slow.lost.has_value());
}

// It had been counted as sent, although so much waited that it was not even queued.
TEST_F(TimeoutTest, ABlockedStandbyIsPingedHoweverMuchItHasAsked) {
  rig.fill(400'000);
  Standby& slow = rig.add({.timeout = seconds(10)}, /*send_buffer_bytes=*/4096);
  slow.sender.start(TimelineId{1}, rig.begin());
  ASSERT_TRUE(rig.turn_until([&] { return slow.connection.blocked(); }));
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(slow.sender.on_copy_data(as_bytes(status_body({}, {}, {}, true))).has_value());
  }
  pass(seconds(5));
  ASSERT_TRUE(rig.turn_until([&] {
    while (slow.receive()) {
    }
    return slow.sender.sent() == rig.end() && slow.connection.queued_bytes() == 0;
  }));
  const auto pings =
      std::count_if(slow.messages.begin(), slow.messages.end(), [](const Message& message) {
        const auto said = keepalive(message);
        return said.has_value() && said->reply_requested;
      });
  EXPECT_EQ(pings, 1);
}

// After a stall the loop fires its timers before it has read from all sockets.
TEST_F(TimeoutTest, AReplyThatStillLiesInTheSocketCounts) {
  start();
  standby.unread = status_body(Lsn(1), Lsn(1), Lsn(1));
  pass(seconds(10));
  EXPECT_FALSE(standby.lost.has_value());
  EXPECT_TRUE(standby.unread.empty());
  pass(milliseconds(9999));
  EXPECT_FALSE(standby.lost.has_value());
  pass(milliseconds(1));
  EXPECT_TRUE(standby.lost.has_value());
}

TEST_F(TimeoutTest, ZeroMeansNone) {
  standby.sender.set_timeout(seconds(0));
  start();
  pass(std::chrono::hours(24));
  EXPECT_EQ(standby.kinds(), "");
  EXPECT_TRUE(standby.sender.active());
}

TEST_F(TimeoutTest, AStreamThatHasStoppedIsNeitherPingedNorCut) {
  start();
  standby.sender.stop();
  pass(std::chrono::hours(1));
  EXPECT_EQ(standby.kinds(), "");
  EXPECT_FALSE(standby.lost.has_value());
}

TEST_F(TimeoutTest, AnAnswerThatWasAskedForCarriesThePositionSent) {
  start();
  const auto body = status_body(Lsn(1), Lsn(1), Lsn(1), /*reply_requested=*/true);
  ASSERT_TRUE(standby.sender.on_copy_data(as_bytes(body)).has_value());
  pass(milliseconds(0));
  ASSERT_EQ(standby.kinds(), "k");
  EXPECT_FALSE(keepalive(standby.messages[0])->reply_requested);
  EXPECT_EQ(keepalive(standby.messages[0])->wal_end, standby.sender.sent());
}

TEST_F(TimeoutTest, AStandbyThatAsksAllTheTimeIsAnsweredTenTimesASecond) {
  start();
  const auto body = status_body(Lsn(1), Lsn(1), Lsn(1), /*reply_requested=*/true);
  for (int ms = 0; ms < 950; ++ms) {
    ASSERT_TRUE(standby.sender.on_copy_data(as_bytes(body)).has_value());
    pass(milliseconds(1));
  }
  using server::stream::Keepalive;
  constexpr std::size_t kAnswers = Keepalive::kAnswersAtOnce + 9;
  ASSERT_EQ(standby.kinds(), std::string(kAnswers, 'k'));
  pass(Keepalive::kAnswerInterval);
  EXPECT_EQ(standby.kinds(), std::string(kAnswers + 1, 'k')) << "the last one was owed";
}

}  // namespace

}  // namespace tests
