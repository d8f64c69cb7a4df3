#include "bench/live/tick_rates.h"

#include <gtest/gtest.h>

namespace bench::live {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr runtime::Instant kBegin{std::chrono::hours(1)};

TEST(TickRatesTest, ALookThatIsLateCountsByItsTime) {
  TickRates rates;
  rates.begin({.commits = 100, .deliveries = 1000}, kBegin);
  const auto first = rates.take({.commits = 300, .deliveries = 3000}, kBegin + seconds(1));
  EXPECT_DOUBLE_EQ(first.commits, 200);
  EXPECT_DOUBLE_EQ(first.deliveries, 2000);
  const auto late = rates.take({.commits = 800, .deliveries = 8000}, kBegin + milliseconds(3500));
  EXPECT_DOUBLE_EQ(late.commits, 200);
  EXPECT_DOUBLE_EQ(late.deliveries, 2000);
}

TEST(TickRatesTest, WithoutTimeOrWithLessThanBeforeThereIsNone) {
  TickRates rates;
  rates.begin({.commits = 100, .deliveries = 1000}, kBegin);
  EXPECT_EQ(rates.take({.commits = 200, .deliveries = 2000}, kBegin).commits, 0);
  EXPECT_EQ(rates.take({.commits = 200, .deliveries = 1500}, kBegin + seconds(1)).deliveries, 0);
}

}  // namespace
}  // namespace bench::live
