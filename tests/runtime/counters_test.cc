#include "runtime/counters.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "runtime/mutex.h"

namespace runtime {
namespace {

TEST(CounterTest, IsReadWhileItsThreadAdds) {
  constexpr std::uint64_t kAdditions = 50'000;
  Counter counter;
  std::thread owner([&] {
    for (std::uint64_t i = 0; i < kAdditions; ++i) counter.add(2);
  });
  for (std::uint64_t seen = 0; seen < 2 * kAdditions;) {
    const std::uint64_t now = counter.get();
    ASSERT_GE(now, seen);
    ASSERT_EQ(now % 2, 0u);
    seen = now;
  }
  owner.join();
  EXPECT_EQ(counter.get(), 2 * kAdditions);
}

TEST(GaugeTest, GivesTheLevelAfterTheChange) {
  Gauge gauge;
  EXPECT_EQ(gauge.add(3), 3);
  EXPECT_EQ(gauge.add(-5), -2);
  EXPECT_EQ(gauge.get(), -2);
}

// Sessions are counted so: each raises the level by one and gets the new level back, no two get the
// same, and a session whose level is beyond the limit is refused.
TEST(GaugeTest, GivesEveryThreadALevelOfItsOwn) {
  constexpr std::int64_t kThreads = 4;
  constexpr std::int64_t kEach = 5'000;
  Gauge gauge;
  std::vector<char> taken(kThreads * kEach, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) ++taken[static_cast<std::size_t>(gauge.add(1) - 1)];
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(gauge.get(), kThreads * kEach);
  EXPECT_EQ(taken, std::vector<char>(taken.size(), 1));
}

TEST(MutexTest, LetsOneThreadIn) {
  constexpr int kEach = 10'000;
  Mutex mutex;
  int plain = 0;
  const auto count = [&] {
    for (int i = 0; i < kEach; ++i) {
      const Lock lock(mutex);
      ++plain;
    }
  };
  std::thread other(count);
  count();
  other.join();
  EXPECT_EQ(plain, 2 * kEach);
}

}  // namespace
}  // namespace runtime
