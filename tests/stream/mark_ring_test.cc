#include "server/stream/mark_ring.h"

#include <gtest/gtest.h>

#include <vector>

namespace tests {

using runtime::Instant;
using server::stream::MarkRing;
using server::wal::Lsn;

namespace {

MarkRing::Mark mark(std::uint64_t number) {
  return {Lsn(number), Instant(std::chrono::seconds(number))};
}

TEST(MarkRingTest, GivesMarksInTheOrderInWhichTheyCame) {
  MarkRing ring;
  EXPECT_TRUE(ring.empty());
  for (std::uint64_t round = 0; round < 100; ++round) {
    ring.push(mark(3 * round));
    ring.push(mark(3 * round + 1));
    ring.push(mark(3 * round + 2));
    for (std::uint64_t i = 0; i < 3; ++i) {
      EXPECT_EQ(ring.oldest().end, Lsn(3 * round + i));
      ring.pop();
    }
    EXPECT_TRUE(ring.empty());
  }
}

TEST(MarkRingTest, AFullOneKeepsItsOldestAndTakesTheNewest) {
  MarkRing ring;
  for (std::uint64_t i = 0; i < 1000; ++i) ring.push(mark(i));
  std::vector<Lsn> ends;
  for (; !ring.empty(); ring.pop()) ends.push_back(ring.oldest().end);
  ASSERT_EQ(ends.size(), MarkRing::kMarks);
  for (std::uint64_t i = 0; i + 1 < MarkRing::kMarks; ++i) EXPECT_EQ(ends[i], Lsn(i));
  EXPECT_EQ(ends.back(), Lsn(999));
}

TEST(MarkRingTest, AClearedOneIsEmpty) {
  MarkRing ring;
  ring.push(mark(1));
  ring.clear();
  EXPECT_TRUE(ring.empty());
  ring.push(mark(2));
  EXPECT_EQ(ring.oldest().end, Lsn(2));
}

}  // namespace

}  // namespace tests
