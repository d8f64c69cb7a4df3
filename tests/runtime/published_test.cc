#include "runtime/published.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <thread>

namespace runtime {
namespace {

TEST(PublishedTest, HasTheLatestValue) {
  Published<int> value(3);
  EXPECT_EQ(value.load(), 3);
  value.store(4);
  EXPECT_EQ(value.load(), 4);
  EXPECT_EQ(Published<int>().load(), 0);
}

TEST(PublishedTest, AReaderOfAValueSeesWhatWasDoneBefore) {
  constexpr std::size_t kRounds = 20'000;
  std::array<std::size_t, kRounds + 1> written{};  // plain: only the published count orders it
  Published<std::size_t> count;
  std::thread writer([&] {
    for (std::size_t i = 1; i <= kRounds; ++i) {
      written[i] = i;
      count.store(i);
    }
  });
  std::size_t seen = 0;
  while (seen < kRounds) {
    const std::size_t now = count.load();
    ASSERT_GE(now, seen);
    ASSERT_EQ(written[now], now);
    seen = now;
  }
  writer.join();
}

}  // namespace
}  // namespace runtime
