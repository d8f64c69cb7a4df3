#include "server/wal/retention.h"

#include <gtest/gtest.h>

#include <vector>

// What a spool keeps, by the rules of KeepLogSeg (xlog.c).

namespace server::wal {
namespace {

constexpr std::uint64_t kMb = 1 << 20;
constexpr SegmentSize kSize(kMb);

Lsn in_segment(std::uint64_t no) { return kSize.start(SegmentNo{no}) + 5000; }

struct RetentionTest : testing::Test {
  // Of a slot that can be invalidated, or cannot yet.
  Retention retention(std::uint64_t wal_keep, std::optional<std::uint64_t> slot_keep_max = {}) {
    return {{.wal_keep_bytes = wal_keep,
             .slot_keep_bytes_max = slot_keep_max,
             .required_lsn = [this] { return required; },
             .invalidate_before =
                 [this](Lsn lsn) {
                   invalidated_before.push_back(lsn);
                   if (may_invalidate && required < lsn) required = Lsn();
                 }},
            kSize};
  }

  Lsn required;
  bool may_invalidate = true;
  std::vector<Lsn> invalidated_before;
};

TEST_F(RetentionTest, WalKeepSizeCountsWholeSegments) {
  EXPECT_EQ(retention(3 * kMb).keep_from(in_segment(10)), SegmentNo{7});
  EXPECT_EQ(retention(4 * kMb - 1).keep_from(in_segment(10)), SegmentNo{7});
  EXPECT_EQ(retention(kMb - 1).keep_from(in_segment(10)), SegmentNo{10});
  EXPECT_EQ(retention(0).keep_from(in_segment(10)), SegmentNo{10});
  EXPECT_EQ(retention(11 * kMb).keep_from(in_segment(10)), SegmentNo{0});
}

TEST_F(RetentionTest, WithoutSlotsThereIsNobodyToAsk) {
  const Retention retention({.wal_keep_bytes = kMb, .slot_keep_bytes_max = 0}, kSize);
  EXPECT_EQ(retention.keep_from(in_segment(10)), SegmentNo{9});
  EXPECT_EQ(retention.needed_from(in_segment(10)), SegmentNo{10});
}

TEST_F(RetentionTest, ASlotKeepsItsSegmentWithoutALimit) {
  required = in_segment(2);
  EXPECT_EQ(retention(3 * kMb).keep_from(in_segment(10)), SegmentNo{2});
  EXPECT_EQ(retention(3 * kMb).needed_from(in_segment(10)), SegmentNo{2});
  required = in_segment(9);
  EXPECT_EQ(retention(3 * kMb).keep_from(in_segment(10)), SegmentNo{7});
  required = in_segment(11);  // a standby may say what it likes
  EXPECT_EQ(retention(0).keep_from(in_segment(10)), SegmentNo{10});
  EXPECT_TRUE(invalidated_before.empty());
}

TEST_F(RetentionTest, ASlotWithinTheLimitIsLeftAlone) {
  required = kSize.start(SegmentNo{5});
  EXPECT_EQ(retention(0, 5 * kMb).keep_from(in_segment(10)), SegmentNo{5});
  EXPECT_EQ(retention(0, 6 * kMb - 1).keep_from(in_segment(10)), SegmentNo{5});
  EXPECT_TRUE(invalidated_before.empty());
}

TEST_F(RetentionTest, ASlotBeyondTheLimitIsInvalidated) {
  required = kSize.start(SegmentNo{5}) - 1;
  EXPECT_EQ(retention(kMb, 5 * kMb).keep_from(in_segment(10)), SegmentNo{9});
  EXPECT_EQ(invalidated_before, std::vector{kSize.start(SegmentNo{5})});
}

TEST_F(RetentionTest, ASlotThatNeedsNoMoreThanWalKeepSizeIsNotInvalidated) {
  required = in_segment(7);
  EXPECT_EQ(retention(3 * kMb, 0).keep_from(in_segment(10)), SegmentNo{7});
  EXPECT_TRUE(invalidated_before.empty());
  required = in_segment(6);
  EXPECT_EQ(retention(3 * kMb, 0).keep_from(in_segment(10)), SegmentNo{7});
  EXPECT_EQ(invalidated_before, std::vector{kSize.start(SegmentNo{7})});
}

TEST_F(RetentionTest, WhatCannotBeInvalidatedYetKeepsItsWal) {
  may_invalidate = false;
  required = in_segment(2);
  EXPECT_EQ(retention(kMb, kMb).keep_from(in_segment(10)), SegmentNo{2});
  EXPECT_EQ(invalidated_before, std::vector{kSize.start(SegmentNo{9})});
}

}  // namespace
}  // namespace server::wal
