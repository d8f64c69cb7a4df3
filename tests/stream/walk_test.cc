#include "server/stream/walk.h"

#include <gtest/gtest.h>

namespace tests {

using server::stream::Walk;
using server::wal::kSliceBytes;
using server::wal::Lsn;
using server::wal::TimelineHistory;
using server::wal::TimelineId;
using server::wal::Timelines;
using server::wal::WalSpan;

namespace {

constexpr Lsn slice(std::uint64_t no) { return Lsn((100 + no) * kSliceBytes); }

struct WalkTest : ::testing::Test {
  WalkTest() { walk.take(span(slice(0), slice(8) + 5000)); }
  WalSpan span(Lsn begin, Lsn end) const {
    return {.timelines = &first, .begin = begin, .end = end, .published = {}};
  }

  const Timelines first{TimelineHistory(TimelineId{1}), {}};
  const Timelines with_history_file{TimelineHistory(TimelineId{1}),
                                    {{TimelineId{2}, "1\t0/900000\tlater\n"}}};
  const Timelines second{*TimelineHistory::parse(TimelineId{2}, "1\t0/6B80000\tx\n"), {}};
  Walk walk;
};

TEST_F(WalkTest, TheSliceOfTheEndAndTheOneBeforeAreHot) {
  EXPECT_TRUE(walk.is_hot(slice(8)));
  EXPECT_TRUE(walk.is_hot(slice(7)));
  EXPECT_FALSE(walk.is_hot(slice(7) - 1));
}

TEST_F(WalkTest, WhatWasNotWalkedIsNotHot) {
  walk.forget(slice(8) + 100);
  EXPECT_FALSE(walk.is_hot(slice(8)));
  EXPECT_TRUE(walk.is_hot(slice(8) + 100));
}

TEST_F(WalkTest, SlicesBehindTheOneInWhichItBeganAreProven) {
  EXPECT_FALSE(walk.has_proven_slice(slice(0) - 1));
  EXPECT_FALSE(walk.has_proven_slice(slice(0))) << "a record may have begun before it";
  EXPECT_FALSE(walk.has_proven_slice(slice(1) - 1));
  EXPECT_TRUE(walk.has_proven_slice(slice(1)));
  EXPECT_TRUE(walk.has_proven_slice(slice(8) + 4000));
  EXPECT_FALSE(walk.has_proven_slice(slice(9)));
}

TEST_F(WalkTest, AChangedFileEndsTheProofOfWhatComesBeforeItsEnd) {
  walk.forget(slice(4));
  EXPECT_FALSE(walk.has_proven_slice(slice(4) - 1));
  EXPECT_FALSE(walk.has_proven_slice(slice(4))) << "a record may cross into it";
  EXPECT_TRUE(walk.has_proven_slice(slice(5)));
  walk.forget(slice(2));
  EXPECT_FALSE(walk.has_proven_slice(slice(3))) << "never back";
}

// The first record behind the file may have begun in it, and then its rest was proven with bytes
// that are no longer there.
TEST_F(WalkTest, ALongRecordThatBeganInAChangedFileIsNotProvenInLaterSlices) {
  Walk longer;
  const auto take = [&](Lsn begin, Lsn end) {
    WalSpan next = span(begin, end);
    if (end - begin > kSliceBytes) next.long_begin = begin, next.long_end = end;
    longer.take(next);
  };
  take(slice(0), slice(1));
  take(slice(1), slice(2) - 500);
  take(slice(2) - 500, slice(7) + 500);
  take(slice(7) + 500, slice(8));
  take(slice(8), slice(12));
  longer.forget(slice(1));
  EXPECT_TRUE(longer.has_proven_slice(slice(2))) << "it began later";
  longer.forget(slice(4));
  EXPECT_FALSE(longer.has_proven_slice(slice(5)));
  EXPECT_FALSE(longer.has_proven_slice(slice(7)));
  EXPECT_TRUE(longer.has_proven_slice(slice(9))) << "the next long record did not";
}

TEST_F(WalkTest, MoreLongRecordsThanAreRememberedProveNothing) {
  Walk longer;
  for (std::uint64_t i = 0; i < 1100; ++i) {
    WalSpan next = span(slice(2 * i), slice(2 * i + 2));
    next.long_begin = next.begin;
    next.long_end = next.end;
    longer.take(next);
  }
  EXPECT_EQ(longer.from(), slice(2 * (1100 - 1024)));
}

TEST_F(WalkTest, AReplacedFileIsProvenFromTheSpansEndOn) {
  WalSpan replaced = span(walk.end(), slice(9));
  replaced.file_replaced = true;
  walk.take(replaced);
  EXPECT_EQ(walk.from(), slice(9));
  EXPECT_FALSE(walk.is_hot(slice(9) - 1));
}

TEST_F(WalkTest, OnANewTimelineOnlyWhatComesOfItIsProven) {
  WalSpan forked = span(slice(7), slice(7));
  forked.timelines = &second;
  walk.take(forked);
  EXPECT_EQ(walk.from(), slice(7));
  EXPECT_EQ(walk.end(), slice(7)) << "back to the fork";
}

TEST_F(WalkTest, AHistoryFileThatComesProvesNothingLess) {
  WalSpan same = span(walk.end(), walk.end());
  same.timelines = &with_history_file;
  walk.take(same);
  EXPECT_EQ(walk.from(), slice(0));
}

TEST_F(WalkTest, WhatIsSkippedIsNotProven) {
  WalSpan skipped = span(slice(20), slice(20));
  skipped.timelines = &with_history_file;
  walk.take(skipped);
  EXPECT_EQ(walk.from(), slice(20));
}

TEST_F(WalkTest, AnEndThatGoesBackOnOneTimelineIsABug) {
  EXPECT_DEATH(walk.take(span(slice(7), slice(7))), "end_");
}

}  // namespace

}  // namespace tests
