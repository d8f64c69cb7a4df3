#include "server/wal/segments.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>

#include "runtime/format.h"
#include "tests/support/unprivileged.h"
#include "tests/wal/after_look.h"
#include "tests/wal/segments_rig.h"

// How segments are found, shared and proven. What is wrong with them is segments_fault_test.cc's.

namespace tests {

using server::wal::Lsn;
using server::wal::PreparedSlice;
using server::wal::Segment;
using server::wal::SegmentRef;
using server::wal::TimelineHistory;
using server::wal::TimelineId;

namespace {

constexpr std::uint64_t kMb = 1 << 20;

TEST_F(SegmentsTest, OpensTheSegmentThatHoldsAPosition) {
  grow(3 * kMb);
  for (std::uint64_t no = 1; no <= 3; ++no) {
    for (const Lsn lsn : {segment_start(no), segment_start(no + 1) - 1}) {
      const auto segment = opened(lsn);
      EXPECT_EQ(segment->no(), server::wal::SegmentNo{no});
      EXPECT_EQ(segment->timeline(), TimelineId{1});
      EXPECT_EQ(segment->id(), Segment::find(path(no)));
    }
  }
}

TEST_F(SegmentsTest, AllThatOpenASegmentShareIt) {
  grow(2 * kMb);
  const auto segment = opened(begin());
  EXPECT_EQ(opened(begin() + 5000), segment);
  EXPECT_NE(opened(begin() + kMb), segment);
}

TEST_F(SegmentsTest, ASegmentIsClosedWithItsLastUser) {
  grow(2 * kMb);
  const std::weak_ptr<Segment> segment = opened(begin());
  EXPECT_TRUE(segment.expired());
  const auto prepared_for_one = prepared(begin());
  EXPECT_EQ(prepared_for_one.segment.use_count(), 1);
}

TEST_F(SegmentsTest, AMissingSegmentHasBeenRemoved) {
  grow(2 * kMb);
  directory.remove(segment(1));
  const auto opening = segments.open(timelines, begin());
  ASSERT_FALSE(opening);
  EXPECT_EQ(opening.error().kind, &server::wal::kWalRemoved);
  EXPECT_EQ(opening.error().kind->code, "58P01");
  EXPECT_EQ(opening.error().what,
            "requested WAL segment 000000010000000000000001 has already been removed");
}

TEST_F(SegmentsTest, ASegmentThatMayNotBeReadHasNotBeenRemoved) {
  grow(2 * kMb);
  std::filesystem::permissions(path(1), std::filesystem::perms::none);
  const Unprivileged user;
  if (!user.is_effective()) GTEST_SKIP() << "root cannot be another user here";
  const auto opening = segments.open(timelines, begin());
  ASSERT_FALSE(opening);
  EXPECT_EQ(opening.error().kind->code, "42501");
  EXPECT_EQ(opening.error().what, "could not open file \"" + path(1) + "\": Permission denied");
}

TEST_F(SegmentsTest, APartialSegmentStaysTheSameWhenItIsRenamed) {
  grow(2 * kMb);
  std::filesystem::rename(path(1), path(1) + ".partial");
  const auto segment = opened(begin());
  EXPECT_EQ(segment->name(), "000000010000000000000001");
  EXPECT_EQ(prepared(begin()).proven_to, begin() + kMb);
  std::filesystem::rename(path(1) + ".partial", path(1));
  EXPECT_EQ(opened(begin()), segment);
  EXPECT_TRUE(segments.is_proven_for_test(*segment, 0));
  EXPECT_EQ(prepared(begin()).segment, segment);
}

TEST_F(SegmentsTest, AnotherFileOfTheSameNameIsAnotherSegment) {
  grow(2 * kMb);
  const auto first = opened(begin());
  directory.replace(segment(1));
  const auto second = opened(begin());
  EXPECT_NE(second, first);
  EXPECT_EQ(second->id(), Segment::find(path(1)));
  EXPECT_EQ(opened(begin()), second) << "that is the one to share from now on";
}

TEST_F(SegmentsTest, TheSegmentOfAForkIsTheChildsFile) {
  const Lsn fork = grow(kMb + kMb / 2);
  write_timeline(2, child(2, fork, builder.previous_record()));
  const auto parents = opened(fork);
  timelines = {*TimelineHistory::parse(TimelineId{2}, runtime::format("1\t{}\tfork\n", fork)), {}};
  const auto childs = opened(fork);
  EXPECT_EQ(childs->timeline(), TimelineId{2});
  EXPECT_EQ(childs->id(), Segment::find(path(2, 2)));
  EXPECT_EQ(opened(begin())->timeline(), TimelineId{1}) << "it ends before the fork";
  EXPECT_EQ(parents->id(), Segment::find(path(2)));
  std::filesystem::remove(path(2, 2));
  EXPECT_EQ(segments.open(timelines, fork).error().what,
            "requested WAL segment 000000020000000000000002 has already been removed");
}

// Its name in messages would be the wrong one.
TEST_F(SegmentsTest, AFileThatIsLinkedUnderAnotherTimelineIsAnotherSegment) {
  const Lsn fork = grow(kMb / 2);
  std::filesystem::create_hard_link(path(1), path(2, 1));
  const auto parents = opened(begin());
  timelines = {*TimelineHistory::parse(TimelineId{2}, runtime::format("1\t{}\tfork\n", fork)), {}};
  const auto childs = opened(begin());
  EXPECT_EQ(childs->id(), parents->id());
  EXPECT_EQ(childs->timeline(), TimelineId{2});
}

TEST_F(SlicesTest, ASliceIsProvenByItself) {
  grow(5 * kMb);
  const auto ready = prepared(slice(2) + 12345);
  EXPECT_EQ(ready.proven_to, slice(3));
  EXPECT_FALSE(ready.stopped);
  for (std::uint32_t no = 0; no < 4; ++no)
    EXPECT_EQ(segments.is_proven_for_test(*ready.segment, no), no == 2) << no;
}

TEST_F(SlicesTest, TheLastSliceOfASegmentReachesToItsEnd) {
  grow(5 * kMb);
  EXPECT_EQ(prepared(slice(4) - 1).proven_to, segment_start(2));
}

// A second proof would meet the bad record.
TEST_F(SlicesTest, WhatOneLoopHasProvenIsNotProvenAgainForAnother) {
  grow(5 * kMb);
  const auto first = prepared(slice(1));
  directory.flip(slice(1) + kMb / 2);
  const auto second = prepared(slice(1) + 5000);
  EXPECT_EQ(second.segment, first.segment);
  EXPECT_EQ(second.proven_to, slice(2));
  EXPECT_FALSE(second.stopped);
}

TEST_F(SlicesTest, AForgottenSegmentIsOpenedAndProvenAnew) {
  grow(5 * kMb);
  const auto first = prepared(slice(1));
  const Lsn bad = slice(1) + kMb / 2;
  directory.flip(bad);
  segments.forget(segment(1));
  const auto second = prepared(slice(1));
  EXPECT_NE(second.segment, first.segment);
  EXPECT_TRUE(second.stopped);
  const auto again = prepare(first.segment, slice(1));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->stopped) << "for those too that still have it open";
}

TEST_F(SlicesTest, OnlyTheSegmentThatHasChangedIsForgotten) {
  grow(5 * kMb);
  const auto first = prepared(slice(0));
  const auto other = prepared(segment_start(2));
  segments.forget(segment(1));
  segments.forget(segment(7));
  EXPECT_FALSE(segments.is_proven_for_test(*first.segment, 0));
  EXPECT_TRUE(segments.is_proven_for_test(*other.segment, 0));
  EXPECT_EQ(opened(segment_start(2)), other.segment);
}

// Its writer may still be at it, so the rest of the slice is nothing to look at.
TEST_F(SlicesTest, ASliceIsProvenAsFarAsThereIsWal) {
  const Lsn first_end = grow(kMb + kMb / 2);
  directory.write(first_end, data_of(10'000));
  const auto ready = prepared(slice(1));
  EXPECT_EQ(ready.proven_to, first_end);
  EXPECT_FALSE(ready.stopped);
  EXPECT_FALSE(segments.is_proven_for_test(*ready.segment, 1)) << "the rest is not";
  grow(kMb);
  EXPECT_EQ(prepared(slice(1)).proven_to, slice(2));
  EXPECT_TRUE(segments.is_proven_for_test(*ready.segment, 1));
}

TEST_F(SlicesTest, WhatWasProvenIsReadyNoFurtherThanTheAskersWal) {
  grow(3 * kMb);
  const auto first = prepared(slice(0));
  ASSERT_TRUE(segments.is_proven_for_test(*first.segment, 0));
  const auto shorter = segments.prepare(timelines, first.segment, begin(), begin() + 40'000);
  ASSERT_TRUE(shorter);
  EXPECT_EQ(shorter->proven_to, begin() + 40'000);
}

TEST_F(SlicesTest, ARecordMayCrossSlicesAndSegments) {
  for (const std::size_t size : {3u << 20, 5u << 20, 100u}) builder.append_noop(filling(size));
  write();
  for (Lsn lsn = begin(); lsn < end(); lsn += kMb) {
    const auto ready = prepared(lsn);
    EXPECT_EQ(ready.proven_to, std::min(lsn + kMb, end()));
    EXPECT_FALSE(ready.stopped);
  }
}

// Else a record of R slices would cost R times R slices of reads.
TEST_F(SlicesTest, ARecordOfManySlicesIsProvenOnceForAllOfThem) {
  builder.append_noop(filling(100));
  builder.append_noop(filling(9u << 20));
  builder.append_noop(filling(100));
  write();
  std::size_t slices = 0;
  for (Lsn lsn = begin() + 5 * kMb; lsn < begin() + 9 * kMb; lsn += kMb, ++slices) prepared(lsn);
  for (Lsn lsn = begin(); lsn < begin() + 5 * kMb; lsn += kMb, ++slices) prepared(lsn);
  EXPECT_EQ(slices, 9u);
  EXPECT_EQ(segments.proofs_for_test(), 2u) << "and that of the record before it";
}

TEST_F(SlicesTest, ALongRecordWhoseBeginHasChangedIsProvenAnewInAllItsSegments) {
  builder.append_noop(filling(100));
  const auto record = builder.append_noop(filling(9u << 20));
  write();
  ASSERT_FALSE(prepared(segment_start(2)).stopped);
  directory.flip(record.begin + 1000);
  segments.forget(segment(1));
  EXPECT_TRUE(prepared(segment_start(2)).stopped);
  EXPECT_TRUE(prepared(segment_start(3)).stopped);
}

TEST_F(SlicesTest, AShortEffortLeavesALongRecordAloneAndSaysWhichItIs) {
  builder.append_noop(filling(100));
  const auto record = builder.append_noop(filling(9u << 20));
  write();
  grow(2 * kMb);
  const auto open = opened(segment_start(2));
  for (const std::uint32_t no : {0, 1, 6, 8}) {  // from the one that the record begins in on
    const auto given_up = segments.prepare(timelines, opened(slice(no)), slice(no), end(),
                                           server::wal::Effort::kShort);
    ASSERT_TRUE(given_up) << no;
    EXPECT_EQ(given_up->long_record, record.begin) << no;
    EXPECT_EQ(given_up->proven_to, slice(no)) << no;
  }
  ASSERT_TRUE(prepare(open, segment_start(2)));
  const auto proven =
      segments.prepare(timelines, open, segment_start(2), end(), server::wal::Effort::kShort);
  ASSERT_TRUE(proven);
  EXPECT_FALSE(proven->long_record.has_value());
}

TEST_F(SlicesTest, AProofHoldsForTheFileThatWasReadAndNoOther) {
  grow(5 * kMb);
  const auto first = prepared(slice(1));
  directory.replace(segment(1));
  EXPECT_FALSE(segments.is_proven_for_test(*opened(slice(1)), 1));
}

TEST_F(SlicesTest, APaddingIsProvenOnce) {
  grow(kMb / 2);
  builder.append_switch();
  write();
  grow(kMb);
  for (const std::uint32_t no : {3, 1, 0, 2}) prepared(slice(no));
  EXPECT_EQ(segments.proofs_for_test(), 2u) << "and that of the records before it";
}

// When events were lost, only files that are not what they were lose their proofs.
TEST_F(SlicesTest, FilesThatHaveChangedUnseenAreFound) {
  grow(21 * kMb);
  for (std::uint64_t no = 1; no <= 5; ++no) prepared(segment_start(no));
  EXPECT_TRUE(segments.find_changed(timelines, segment(6)).empty());
  directory.replace(segment(2));
  directory.remove(segment(3));
  std::filesystem::last_write_time(
      path(5), std::filesystem::file_time_type::clock::now() + std::chrono::seconds(5));
  const auto changed = segments.find_changed(timelines, segment(5));
  EXPECT_EQ(changed, (std::vector{segment(2), segment(3)})) << "the file of the end may grow";
  for (const auto no : changed) segments.forget(no);
  EXPECT_TRUE(segments.find_changed(timelines, segment(5)).empty());
  EXPECT_EQ(segments.find_changed(timelines, segment(6)), std::vector{segment(5)});
}

TEST_F(SlicesTest, ThePaddingOfASwitchIsReadyToo) {
  grow(kMb / 2);
  builder.append_switch();
  write();
  grow(kMb);
  for (std::uint32_t no = 0; no < 4; ++no) {
    EXPECT_EQ(prepared(slice(no)).proven_to, slice(no + 1)) << no;
  }
}

TEST_F(SegmentsTest, AFileThatTookTheSegmentsPlaceIsReturnedAndUnproven) {
  grow(2 * kMb);
  const auto first = opened(begin());
  directory.replace(segment(1));
  const auto instead = prepare(first, begin());
  ASSERT_TRUE(instead);
  EXPECT_EQ(instead->segment->id(), Segment::find(path(1)));
  EXPECT_NE(instead->segment, first);
  EXPECT_EQ(instead->proven_to, begin());
  EXPECT_FALSE(instead->stopped);
  EXPECT_FALSE(segments.is_proven_for_test(*first, 0));
  EXPECT_FALSE(segments.is_proven_for_test(*instead->segment, 0));
  const auto ready = prepare(instead->segment, begin());
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->segment, instead->segment);
  EXPECT_EQ(ready->proven_to, begin() + kMb);
}

TEST_F(SegmentsTest, AFileThatTakesItsPlaceWhileItIsCheckedIsNotProven) {
  grow(2 * kMb);
  const auto first = opened(begin());
  const AfterLook replaced([&] { directory.replace(segment(1)); });
  const auto instead = prepare(first, begin());
  ASSERT_TRUE(instead);
  EXPECT_NE(instead->segment, first);
  EXPECT_EQ(instead->proven_to, begin());
  EXPECT_FALSE(segments.is_proven_for_test(*first, 0));
  EXPECT_FALSE(segments.is_proven_for_test(*instead->segment, 0));
}

// The bytes that were checked may be those from before the change.
TEST_F(SegmentsTest, WhatIsForgottenWhileItIsCheckedIsNotProven) {
  grow(2 * kMb);
  const auto open = opened(begin());
  const AfterLook changed([&] { segments.forget(segment(1)); });
  ASSERT_TRUE(prepare(open, begin()));
  EXPECT_FALSE(segments.is_proven_for_test(*open, 0));
  ASSERT_TRUE(prepare(open, begin()));
  EXPECT_TRUE(segments.is_proven_for_test(*open, 0));
}

// Takes the file's pages out of the page cache; false where they live nowhere else.
bool evict(const Segment& segment) {
  CHECK(::fsync(segment.fd()) == 0);
  CHECK(::posix_fadvise(segment.fd(), 0, 0, POSIX_FADV_DONTNEED) == 0);
  return !segment.is_resident(0, server::wal::kSliceBytes);
}

TEST_F(SegmentsTest, APreparedSliceIsInThePageCacheWhetherItWasProvenBeforeOrNot) {
  grow(2 * kMb);
  const auto segment = opened(begin());
  for (const bool before : {false, true}) {
    if (!evict(*segment)) GTEST_SKIP() << "this file system is its own page cache";
    EXPECT_EQ(segments.is_proven_for_test(*segment, 0), before);
    ASSERT_TRUE(prepare(segment, begin()));
    EXPECT_TRUE(segment->is_resident(0, server::wal::kSliceBytes)) << before;
  }
}

}  // namespace

}  // namespace tests
