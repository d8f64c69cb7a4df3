#include "runtime/slow_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/log_pipe.h"
#include "tests/support/logged.h"

namespace runtime {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(SlowWorkTest, WorkThatLastsIsToldOfAgainAndAgain) {
  tests::LogPipe log;
  const SlowWork work("looking for the end of WAL", milliseconds(1));
  constexpr const char* kLine = "LOG:  still looking for the end of WAL, elapsed time: 0.";
  EXPECT_TRUE(log.wait_for(kLine)) << log.said();
  EXPECT_TRUE(log.wait_for_lines(kLine, 3)) << log.said();
}

TEST(SlowWorkTest, QuickWorkIsNotToldOf) {
  EXPECT_EQ(tests::logged([] { const SlowWork work("sleeping", hours(1)); }), "");
}

}  // namespace
}  // namespace runtime
