#include "runtime/in_order.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace runtime {
namespace {

TEST(InOrderTest, EveryItemIsWorkedOnceAndTakenInOrder) {
  constexpr std::size_t kCount = 1000;
  for (const std::size_t threads : {1u, 2u, 5u}) {
    std::vector<std::atomic<int>> worked(kCount);
    std::vector<std::size_t> taken;
    run_in_order(
        kCount, {.threads = threads, .in_flight = 7}, [&](std::size_t i) { ++worked[i]; },
        [&](std::size_t i) {
          EXPECT_EQ(worked[i], 1);
          taken.push_back(i);
        });
    ASSERT_EQ(taken.size(), kCount);
    for (std::size_t i = 0; i < kCount; ++i) EXPECT_EQ(taken[i], i);
  }
}

// A ring of results is never written over before its item was taken.
TEST(InOrderTest, NoMoreThanSoManyAreInFlight) {
  constexpr std::size_t kInFlight = 4;
  std::vector<std::size_t> ring(kInFlight);
  std::size_t right = 0;
  run_in_order(
      5000, {.threads = 3, .in_flight = kInFlight}, [&](std::size_t i) { ring[i % kInFlight] = i; },
      [&](std::size_t i) { right += ring[i % kInFlight] == i ? 1 : 0; });
  EXPECT_EQ(right, 5000u);
}

TEST(InOrderTest, OneThreadIsTheCallers) {
  const auto self = std::this_thread::get_id();
  std::size_t own = 0;
  run_in_order(
      100, {}, [&](std::size_t) { own += std::this_thread::get_id() == self ? 1 : 0; },
      [](std::size_t) {});
  EXPECT_EQ(own, 100u);
}

TEST(InOrderTest, NothingIsNoWork) {
  run_in_order(
      0, {.threads = 2, .in_flight = 2}, [](std::size_t) { FAIL(); }, [](std::size_t) { FAIL(); });
}

}  // namespace
}  // namespace runtime
