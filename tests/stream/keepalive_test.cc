#include "server/stream/keepalive.h"

#include <gtest/gtest.h>

namespace tests {

using server::stream::Keepalive;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct KeepaliveTest : ::testing::Test, private runtime::Timer::Handler {
  // Lets time pass. Returns whether the timer has fired.
  bool fires_after(runtime::Duration time) {
    clock.advance(time);
    const int before = fired;
    loop.turn_for_test();
    return fired > before;
  }
  void on_timer(runtime::Timer&) override { ++fired; }

  runtime::FakeClock clock;
  runtime::Loop loop{clock, {}};
  Keepalive keepalive{loop, *this, seconds(10)};
  int fired = 0;
};

TEST_F(KeepaliveTest, APingIsDueAtHalfOfTheTimeoutAndTheEndAtAllOfIt) {
  loop.turn_for_test();
  keepalive.start();
  EXPECT_FALSE(fires_after(milliseconds(4999)));
  EXPECT_FALSE(keepalive.is_ping_due());
  EXPECT_TRUE(fires_after(milliseconds(1)));
  EXPECT_TRUE(keepalive.is_ping_due());
  EXPECT_FALSE(keepalive.is_timed_out());
  EXPECT_TRUE(keepalive.take_ping());
  EXPECT_FALSE(keepalive.take_ping()) << "one at a time";
  keepalive.arm();
  EXPECT_FALSE(fires_after(milliseconds(4999)));
  EXPECT_TRUE(fires_after(milliseconds(1)));
  EXPECT_TRUE(keepalive.is_timed_out());
}

TEST_F(KeepaliveTest, AReplyBeginsItAnew) {
  loop.turn_for_test();
  keepalive.start();
  fires_after(seconds(6));
  EXPECT_TRUE(keepalive.take_ping());
  keepalive.on_reply();
  EXPECT_FALSE(keepalive.is_ping_due());
  EXPECT_TRUE(keepalive.take_ping()) << "the one before is answered";
}

TEST_F(KeepaliveTest, WithoutATimeoutNothingIsDue) {
  loop.turn_for_test();
  keepalive.set_timeout(seconds(0));
  keepalive.start();
  EXPECT_FALSE(fires_after(std::chrono::hours(24)));
  EXPECT_FALSE(keepalive.is_ping_due());
  EXPECT_FALSE(keepalive.is_timed_out());
}

TEST_F(KeepaliveTest, WhileItDrainsTheTimerFiresAndTurnsComeOncePerInterval) {
  loop.turn_for_test();
  keepalive.set_timeout(seconds(0));
  keepalive.start();
  keepalive.drain();
  EXPECT_TRUE(keepalive.take_drain_turn());
  EXPECT_FALSE(keepalive.take_drain_turn());
  EXPECT_TRUE(fires_after(Keepalive::kDrainInterval));
  EXPECT_TRUE(keepalive.take_drain_turn());
  keepalive.stop();
  EXPECT_FALSE(fires_after(seconds(1)));
}

TEST_F(KeepaliveTest, AnswersAreSpacedAndNoneIsLost) {
  loop.turn_for_test();
  keepalive.set_timeout(seconds(0));
  keepalive.start();
  EXPECT_FALSE(keepalive.take_answer()) << "none was asked for";
  for (int i = 0; i < Keepalive::kAnswersAtOnce; ++i) {
    keepalive.owe_answer();
    EXPECT_TRUE(keepalive.take_answer()) << "the first ones at once";
  }
  for (int i = 0; i < 3; ++i) {
    keepalive.owe_answer();
    EXPECT_FALSE(keepalive.take_answer());
  }
  EXPECT_FALSE(fires_after(Keepalive::kAnswerInterval - milliseconds(1)));
  EXPECT_TRUE(fires_after(milliseconds(1)));
  EXPECT_TRUE(keepalive.take_answer());
  EXPECT_FALSE(keepalive.take_answer()) << "one for all that were asked for";
  EXPECT_FALSE(fires_after(seconds(10)));
  keepalive.owe_answer();
  EXPECT_TRUE(keepalive.take_answer());
  keepalive.owe_answer();
  keepalive.stop();
  EXPECT_FALSE(fires_after(seconds(1)));
}

}  // namespace

}  // namespace tests
