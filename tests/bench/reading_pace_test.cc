#include "bench/walbench/reading_pace.h"

#include <gtest/gtest.h>

namespace bench::walbench {
namespace {

using behaviour::Group;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ReadingPaceTest, WithoutARateEverythingMayBeRead) {
  const runtime::FakeClock clock;
  const Group group;
  ReadingPace pace(group, clock.now());
  pace.begin(clock.now());
  EXPECT_GT(pace.allowed(clock.now()), std::uint64_t{1} << 40);
  EXPECT_FALSE(pace.stalls(clock.now()));
}

TEST(ReadingPaceTest, ASlowGroupReadsAtItsRate) {
  runtime::FakeClock clock;
  const Group group{.bytes_per_second = 1'000'000};
  ReadingPace pace(group, clock.now());
  pace.begin(clock.now());
  std::uint64_t read = 0;
  for (int i = 0; i < 1000; ++i) {
    clock.advance(milliseconds(1));
    const std::uint64_t allowed = pace.allowed(clock.now());
    pace.took(allowed);
    read += allowed;
  }
  EXPECT_NEAR(static_cast<double>(read), 1e6, 1e3);
  EXPECT_EQ(pace.allowed(clock.now()), 0u);
  EXPECT_EQ(pace.rest_end(clock.now()), clock.now() + Pacer::kRest);
  pace.end();
  EXPECT_GT(pace.allowed(clock.now()), 0u);
}

TEST(ReadingPaceTest, AStallIsFromOneTimeOfTheRunToAnother) {
  runtime::FakeClock clock;
  const runtime::Instant begin = clock.now();
  const Group group{.stall = behaviour::Stall{.from = seconds(1), .to = seconds(2)}};
  clock.advance(milliseconds(500));  // the stream begins later than the run
  ReadingPace pace(group, begin);
  pace.begin(clock.now());
  EXPECT_FALSE(pace.stalls(clock.now()));
  clock.advance(milliseconds(500));
  EXPECT_TRUE(pace.stalls(clock.now()));
  EXPECT_EQ(pace.allowed(clock.now()), 0u);
  EXPECT_EQ(pace.rest_end(clock.now()), begin + seconds(2));
  clock.advance(seconds(1));
  EXPECT_FALSE(pace.stalls(clock.now()));
  EXPECT_GT(pace.allowed(clock.now()), 0u);
}

TEST(ReadingPaceTest, AStallWithoutEndEndsWithTheStream) {
  runtime::FakeClock clock;
  const Group group{.stall = behaviour::Stall{.from = seconds(0), .to = std::nullopt}};
  ReadingPace pace(group, clock.now());
  pace.begin(clock.now());
  EXPECT_EQ(pace.rest_end(clock.now()), std::nullopt);
  pace.end();
  EXPECT_FALSE(pace.stalls(clock.now()));
  pace.begin(clock.now());  // on a next connection it hangs again
  EXPECT_TRUE(pace.stalls(clock.now()));
}

}  // namespace
}  // namespace bench::walbench
