#include "runtime/time_limit.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>

namespace tests {
namespace {

using runtime::TimeLimit;

TEST(TimeLimitTest, WhatIsOverInTimeGoesOn) {
  const TimeLimit limit(std::chrono::hours(1), "never");
}

TEST(TimeLimitDeathTest, WhatHangsEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const TimeLimit limit(std::chrono::milliseconds(1), "the disk hangs");
        ::poll(nullptr, 0, -1);
      },
      testing::ExitedWithCode(1), "FATAL:  the disk hangs");
}

}  // namespace
}  // namespace tests
