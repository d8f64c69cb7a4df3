#include "runtime/alarm.h"

#include <gtest/gtest.h>

namespace tests {

using std::chrono::hours;
using std::chrono::milliseconds;

namespace {

struct AlarmTest : ::testing::Test, runtime::Alarm::Handler {
  void on_alarm() override {
    rung_at = clock.now();
    if (++rings == rings_max) loop.stop();
  }

  runtime::SystemClock clock;
  runtime::Loop loop{clock, {}};
  runtime::Alarm alarm{loop, clock, *this};
  int rings = 0;
  int rings_max = 1;
  runtime::Instant rung_at{};
};

TEST_F(AlarmTest, RingsOnceAndNotBeforeItsTime) {
  const auto due = clock.now() + milliseconds(3);
  alarm.arm(due);
  loop.run();
  EXPECT_EQ(rings, 1);
  EXPECT_GE(rung_at, due);
}

TEST_F(AlarmTest, ATimeThatHasPassedRingsAtOnce) {
  alarm.arm(clock.now() - hours(1));
  loop.run();
  EXPECT_EQ(rings, 1);
}

TEST_F(AlarmTest, AnotherTimeReplacesTheFirst) {
  alarm.arm(clock.now() + hours(1));
  alarm.arm(clock.now());
  loop.run();
  alarm.arm(clock.now());
  alarm.arm(clock.now() + hours(1));
  loop.turn_for_test();
  EXPECT_EQ(rings, 1);
}

}  // namespace

}  // namespace tests
