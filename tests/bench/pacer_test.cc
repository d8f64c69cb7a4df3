#include "bench/walbench/pacer.h"

#include <gtest/gtest.h>

namespace bench::walbench {
namespace {

using std::chrono::milliseconds;

TEST(PacerTest, AllowsItsRateAndNothingAtFirst) {
  runtime::FakeClock clock;
  Pacer pacer(1'000'000, clock.now());
  EXPECT_EQ(pacer.allowed(clock.now()), 0u);
  clock.advance(milliseconds(10));
  EXPECT_EQ(pacer.allowed(clock.now()), 10'000u);
  pacer.took(4'000);
  EXPECT_EQ(pacer.allowed(clock.now()), 6'000u);
}

TEST(PacerTest, AllowsNoMoreThanABurstAfterARest) {
  runtime::FakeClock clock;
  Pacer pacer(1'000'000, clock.now());
  clock.advance(std::chrono::hours(1));
  EXPECT_EQ(pacer.allowed(clock.now()), 100'000u);
}

TEST(PacerTest, EvenTheSlowestReadsAByteNowAndThen) {
  runtime::FakeClock clock;
  Pacer pacer(1, clock.now());
  clock.advance(milliseconds(999));
  EXPECT_EQ(pacer.allowed(clock.now()), 0u);
  clock.advance(milliseconds(2));
  EXPECT_EQ(pacer.allowed(clock.now()), 1u);
}

}  // namespace
}  // namespace bench::walbench
