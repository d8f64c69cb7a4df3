#include "server/wal/retention.h"

#include <gtest/gtest.h>

#include <vector>

#include "runtime/clock.h"
#include "tests/support/fake_holder.h"

// What a spool keeps, by the rules of KeepLogSeg (xlog.c).

namespace server::wal {
namespace {

constexpr std::uint64_t kMb = 1 << 20;
constexpr SegmentSize kSize(kMb);

Lsn in_segment(std::uint64_t no) { return kSize.start(SegmentNo{no}) + 5000; }

struct RetentionTest : testing::Test {
  // Of a slot that can be invalidated, or cannot yet.
  RetentionTest() {
    slot.on_release = [this](Lsn lsn) {
      released_before.push_back(lsn);
      if (may_release && slot.required.load() < lsn) slot.required.store(Lsn());
    };
    slot.on_settle = [this] {
      ++settled;
      if (settled_at.valid()) slot.required.store(settled_at);
    };
    holds.add(slot);
  }
  Retention retention(std::uint64_t wal_keep, std::optional<std::uint64_t> slot_keep_max = {}) {
    return {{.wal_keep_bytes = wal_keep, .slot_keep_bytes_max = slot_keep_max, .holds = &holds},
            kSize};
  }

  runtime::FakeClock clock;
  Holds holds{clock};
  tests::FakeHolder slot;
  bool may_release = true;
  std::vector<Lsn> released_before;
  int settled = 0;
  Lsn settled_at;
};

TEST_F(RetentionTest, WalKeepSizeCountsWholeSegments) {
  EXPECT_EQ(retention(3 * kMb).keep_from(in_segment(10)), SegmentNo{7});
  EXPECT_EQ(retention(4 * kMb - 1).keep_from(in_segment(10)), SegmentNo{7});
  EXPECT_EQ(retention(kMb - 1).keep_from(in_segment(10)), SegmentNo{10});
  EXPECT_EQ(retention(0).keep_from(in_segment(10)), SegmentNo{10});
  EXPECT_EQ(retention(11 * kMb).keep_from(in_segment(10)), SegmentNo{0});
}

TEST_F(RetentionTest, WithoutHoldsOnlyWalKeepSizeKeepsAnything) {
  EXPECT_EQ(retention(kMb, 0).keep_from(in_segment(10)), SegmentNo{9});
  EXPECT_TRUE(retention(kMb, 0).may_give_up(SegmentNo{9}, in_segment(10)));
  EXPECT_FALSE(retention(kMb, 0).may_give_up(SegmentNo{10}, in_segment(10)));
  EXPECT_TRUE(released_before.empty());
}

TEST_F(RetentionTest, AHoldThatSeemsToKeepASegmentIsAskedAgainWhenItHasSettled) {
  slot.required.store(in_segment(3));
  EXPECT_TRUE(retention(9 * kMb).may_give_up(SegmentNo{2}, in_segment(10)));
  EXPECT_EQ(settled, 0);
  EXPECT_FALSE(retention(9 * kMb).may_give_up(SegmentNo{3}, in_segment(10)));
  EXPECT_EQ(settled, 1);
  settled_at = in_segment(4);
  EXPECT_TRUE(retention(9 * kMb).may_give_up(SegmentNo{3}, in_segment(10)));
  EXPECT_EQ(settled, 2);
}

TEST_F(RetentionTest, ASlotKeepsItsSegmentWithoutALimit) {
  slot.required.store(in_segment(2));
  EXPECT_EQ(retention(3 * kMb).keep_from(in_segment(10)), SegmentNo{2});
  slot.required.store(in_segment(9));
  EXPECT_EQ(retention(3 * kMb).keep_from(in_segment(10)), SegmentNo{7});
  slot.required.store(in_segment(11));  // a standby may say what it likes
  EXPECT_EQ(retention(0).keep_from(in_segment(10)), SegmentNo{10});
  EXPECT_TRUE(released_before.empty());
}

TEST_F(RetentionTest, ASlotWithinTheLimitIsLeftAlone) {
  slot.required.store(kSize.start(SegmentNo{5}));
  EXPECT_EQ(retention(0, 5 * kMb).keep_from(in_segment(10)), SegmentNo{5});
  EXPECT_EQ(retention(0, 6 * kMb - 1).keep_from(in_segment(10)), SegmentNo{5});
  EXPECT_TRUE(released_before.empty());
}

TEST_F(RetentionTest, ASlotBeyondTheLimitIsInvalidated) {
  slot.required.store(kSize.start(SegmentNo{5}) - 1);
  EXPECT_EQ(retention(kMb, 5 * kMb).keep_from(in_segment(10)), SegmentNo{9});
  EXPECT_EQ(released_before, std::vector{kSize.start(SegmentNo{5})});
}

TEST_F(RetentionTest, ASlotThatNeedsNoMoreThanWalKeepSizeIsNotInvalidated) {
  slot.required.store(in_segment(7));
  EXPECT_EQ(retention(3 * kMb, 0).keep_from(in_segment(10)), SegmentNo{7});
  EXPECT_TRUE(released_before.empty());
  slot.required.store(in_segment(6));
  EXPECT_EQ(retention(3 * kMb, 0).keep_from(in_segment(10)), SegmentNo{7});
  EXPECT_EQ(released_before, std::vector{kSize.start(SegmentNo{7})});
}

TEST_F(RetentionTest, WhatCannotBeInvalidatedYetKeepsItsWal) {
  may_release = false;
  slot.required.store(in_segment(2));
  EXPECT_EQ(retention(kMb, kMb).keep_from(in_segment(10)), SegmentNo{2});
  EXPECT_EQ(released_before, std::vector{kSize.start(SegmentNo{9})});
}

}  // namespace
}  // namespace server::wal
