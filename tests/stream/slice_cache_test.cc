#include "server/stream/slice_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "runtime/errors.h"
#include "tests/stream/view_rig.h"

namespace tests {

using server::stream::SliceCache;
using server::stream::WalView;
using server::wal::Lsn;
using Availability = WalView::Availability;

namespace {

constexpr std::uint64_t kMb = 1 << 20;

struct Waiter final : SliceCache::Waiter {
  void on_wal_ready() override { ++calls; }
  int calls = 0;
};

// Asks until it need not wait.
WalView::Located locate(ViewRig& rig, WalView& view, Lsn from) {
  Waiter waiter;
  WalView::Located located{Availability::kPending, nullptr, Lsn(), std::nullopt};
  rig.turn_until([&] {
    located = view.locate(from, waiter);
    return located.availability != Availability::kPending;
  });
  return located;
}
WalView::Located locate(ViewRig& rig, Lsn from) { return locate(rig, rig.view, from); }

// Turns until the waiter has been told that often.
bool told(ViewRig& rig, const Waiter& waiter, int calls = 1) {
  return rig.turn_until([&] { return waiter.calls >= calls; });
}

}  // namespace

TEST(SliceCacheTest, HotWalIsReadyToTheEndOnceItsFileIsOpen) {
  ViewRig rig;
  rig.fill(kMb / 2);
  Waiter waiter;
  EXPECT_EQ(rig.view.locate(rig.begin(), waiter).availability, Availability::kPending);
  ASSERT_TRUE(told(rig, waiter));
  const auto located = rig.view.locate(rig.begin(), waiter);
  ASSERT_EQ(located.availability, Availability::kReady);
  EXPECT_EQ(located.ready_to, rig.end());
  EXPECT_EQ((*located.segment)->no(), rig.segment(1));
}

TEST(SliceCacheTest, AWaiterIsToldOnceAndNotAtAllIfItStopsWaiting) {
  ViewRig rig;
  rig.fill(kMb / 2);
  Waiter waiter;
  Waiter left;
  rig.view.locate(rig.begin(), waiter);
  rig.view.locate(rig.begin(), left);
  left.stop_waiting();
  ASSERT_TRUE(told(rig, waiter));
  rig.view.forget(rig.segment(1));
  EXPECT_EQ(waiter.calls, 1);
  EXPECT_EQ(left.calls, 0);
}

TEST(SliceCacheTest, ColdWalIsProvenSliceBySlice) {
  ViewRig rig(4);
  rig.fill_unproven(10 * kMb);
  const auto located = locate(rig, rig.begin() + 100);
  ASSERT_EQ(located.availability, Availability::kReady);
  EXPECT_EQ(located.ready_to, rig.begin() + kMb);
  EXPECT_TRUE(rig.segments.is_proven_for_test(*(*located.segment), 0));
}

TEST(SliceCacheTest, TheTwoSlicesAfterTheOneInUseAreReadAhead) {
  ViewRig rig(4);
  rig.fill_unproven(10 * kMb);
  const auto segment = *locate(rig, rig.begin()).segment;
  EXPECT_TRUE(rig.turn_until([&] { return rig.segments.is_proven_for_test(*segment, 1); }));
  EXPECT_TRUE(rig.turn_until([&] { return rig.segments.is_proven_for_test(*segment, 2); }));
  EXPECT_FALSE(rig.segments.is_proven_for_test(*segment, 3));
}

// Cold WAL of the reader's walk.
struct WalkedWal {
  WalkedWal() { rig.fill(10 * kMb); }
  // Locates all slices of the segment but the first, which the walk may have begun inside a record
  // of. Returns how many proofs that took.
  std::uint64_t proofs() {
    const std::uint64_t before = rig.segments.proofs_for_test();
    for (std::uint64_t i = 1; i < 4; ++i) {
      const auto located = locate(rig, rig.begin() + i * kMb + 100);
      EXPECT_EQ(located.availability, Availability::kReady);
      EXPECT_EQ(located.ready_to, rig.begin() + (i + 1) * kMb);
    }
    return rig.segments.proofs_for_test() - before;
  }

  ViewRig rig{4};
};

TEST(SliceCacheTest, WhatTheReaderHasProvenIsNotProvenAgain) {
  WalkedWal walked;
  EXPECT_EQ(walked.proofs(), 0u);
  EXPECT_EQ(walked.proofs(), 0u);
}

// Where walcast does not own the files, the kernel says that all of them are cached.
TEST(SliceCacheTest, ASliceOfTheWalkIsReadByThePoolBeforeItIsSent) {
  WalkedWal walked;
  ASSERT_EQ(locate(walked.rig, walked.rig.begin() + 3 * kMb).availability, Availability::kReady);
  Waiter waiter;
  EXPECT_EQ(walked.rig.view.locate(walked.rig.begin() + kMb, waiter).availability,
            Availability::kPending);
  ASSERT_TRUE(told(walked.rig, waiter));
  EXPECT_EQ(walked.rig.view.locate(walked.rig.begin() + kMb, waiter).ready_to,
            walked.rig.begin() + 2 * kMb);
}

TEST(SliceCacheTest, TheSliceInWhichTheWalkBeganIsProven) {
  WalkedWal walked;
  EXPECT_EQ(locate(walked.rig, walked.rig.begin() + 100).ready_to, walked.rig.begin() + kMb);
  EXPECT_EQ(walked.rig.segments.proofs_for_test(), 1u);
}

TEST(SliceCacheTest, AFileThatHasChangedIsProvenAgain) {
  WalkedWal walked;
  EXPECT_EQ(walked.proofs(), 0u);
  walked.rig.segments.forget(walked.rig.segment(1));
  walked.rig.view.forget(walked.rig.segment(1));
  EXPECT_EQ(walked.proofs(), 3u);
  EXPECT_EQ(walked.proofs(), 0u) << "the proof is remembered";
}

// Where no event tells of files that are replaced.
TEST(SliceCacheTest, AFileThatTheReaderHasNotReadIsProven) {
  WalkedWal walked;
  ViewRig& rig = walked.rig;
  server::wal::FileStamps& read = rig.segments.note_walked_files();
  for (const auto no : {1, 2})
    read.note(rig.segment(no), *server::wal::Segment::look(rig.path(no)));
  rig.directory.replace(rig.segment(1));
  EXPECT_EQ(walked.proofs(), 3u);
  ASSERT_EQ(locate(rig, rig.segment_start(2) + kMb).availability, Availability::kReady);
  EXPECT_EQ(rig.segments.proofs_for_test(), 3u) << "the other file is what it was";
}

TEST(SliceCacheTest, ALongColdRecordIsProvenOnceForAllLoops) {
  ViewRig rig(4);
  WalView other(rig.loop, rig.pool, rig.segments, {});
  rig.tail.subscribe(other.queue());
  rig.builder.append_noop(filling(9u << 20));
  rig.write();
  rig.fill_unproven(8 * kMb);
  other.take_spans();
  for (Lsn lsn = rig.begin() + 2 * kMb; lsn < rig.begin() + 7 * kMb; lsn += kMb) {
    ASSERT_EQ(locate(rig, lsn).ready_to, lsn + kMb);
    ASSERT_EQ(locate(rig, other, lsn).ready_to, lsn + kMb);
  }
  EXPECT_EQ(rig.segments.proofs_for_test(), 2u) << "a short try, and the proof";
}

TEST(SliceCacheTest, WalBeforeAReplacedFileIsProven) {
  WalkedWal walked;
  walked.rig.tail.publish(walked.rig.end(), walked.rig.end(), walked.rig.clock.now(),
                          /*file_replaced=*/true);
  walked.rig.view.take_spans();
  EXPECT_EQ(walked.proofs(), 3u);
}

TEST(SliceCacheTest, WalBeforeAForkIsProvenOnTheNewTimeline) {
  WalkedWal walked;
  const auto text = runtime::format("1\t{}\tx\n", walked.rig.end());
  walked.rig.tail.adopt(
      {*server::wal::TimelineHistory::parse(server::wal::TimelineId{2}, text), {}});
  walked.rig.tail.publish(walked.rig.end(), walked.rig.end(), walked.rig.clock.now());
  walked.rig.view.take_spans();
  EXPECT_EQ(walked.proofs(), 3u);
}

TEST(SliceCacheTest, ASliceOfTheWalkThatHasLeftThePageCacheIsReadInByThePool) {
  WalkedWal walked;
  EXPECT_EQ(walked.proofs(), 0u);
  const auto segment = *locate(walked.rig, walked.rig.begin() + kMb).segment;
  // The pool has one thread: when it has opened another file, it has told of all that it read
  // ahead.
  ASSERT_EQ(locate(walked.rig, walked.rig.segment_start(2)).availability, Availability::kReady);
  walked.rig.clock.advance(std::chrono::seconds(2));  // no slice counts as just read any more
  walked.rig.loop.turn_for_test();
  if (::fdatasync(segment->fd()) != 0 ||
      ::posix_fadvise(segment->fd(), 0, 0, POSIX_FADV_DONTNEED) != 0 ||
      segment->is_resident(2 * kMb, kMb)) {
    GTEST_SKIP() << "this file system is its own page cache";
  }
  Waiter waiter;
  EXPECT_EQ(walked.rig.view.locate(walked.rig.begin() + 2 * kMb, waiter).availability,
            Availability::kPending);
  ASSERT_TRUE(told(walked.rig, waiter));
  EXPECT_TRUE(segment->is_resident(2 * kMb, kMb));
  EXPECT_EQ(walked.rig.segments.proofs_for_test(), 0u);
}

TEST(SliceCacheTest, HotWalEndsWithItsSegment) {
  ViewRig rig;
  rig.fill(kMb + kMb / 2);
  EXPECT_EQ(locate(rig, rig.begin() + 5).ready_to, rig.begin() + kMb);
  EXPECT_EQ(locate(rig, rig.begin() + kMb).ready_to, rig.end());
}

TEST(SliceCacheTest, AMissingSegmentIsAnErrorWithPostgresWords) {
  ViewRig rig;
  rig.fill(5 * kMb);
  rig.directory.remove(rig.segment(2));
  const auto located = locate(rig, rig.begin() + kMb);
  ASSERT_EQ(located.availability, Availability::kFailed);
  EXPECT_EQ(located.error->kind, &server::wal::kWalRemoved);
  EXPECT_EQ(located.error->what,
            "requested WAL segment 000000010000000000000002 has already been removed");
}

TEST(SliceCacheTest, EachOfManyWaitersLearnsOfTheMissingSegment) {
  ViewRig rig;
  rig.fill(5 * kMb);
  rig.directory.remove(rig.segment(1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(locate(rig, rig.begin()).availability, Availability::kFailed) << i;
  }
}

// A record crosses from segment 1 into 2, so 1 can only be proven to its last page with 2.
TEST(SliceCacheTest, TheErrorNamesTheSegmentThatIsMissingAndNotItsNeighbour) {
  ViewRig rig;
  rig.fill_unproven(5 * kMb);
  rig.directory.remove(rig.segment(2));
  const auto located = locate(rig, rig.begin());
  ASSERT_EQ(located.availability, Availability::kFailed);
  EXPECT_EQ(located.error->what,
            "requested WAL segment 000000010000000000000002 has already been removed");
}

TEST(SliceCacheTest, ATruncatedSegmentIsAnError) {
  ViewRig rig;
  rig.fill_unproven(5 * kMb);
  rig.directory.truncate(rig.begin() + kMb / 2);
  const auto located = locate(rig, rig.begin());
  ASSERT_EQ(located.availability, Availability::kFailed);
  EXPECT_EQ(located.error->kind, &runtime::kDataCorrupted);
  EXPECT_NE(located.error->what.find("000000010000000000000001"), std::string::npos)
      << located.error->what;
}

TEST(SliceCacheTest, ABadRecordEndsWhatMayBeSentUntilTheFileIsRepaired) {
  ViewRig rig;
  rig.fill_unproven(5 * kMb);
  const Lsn bad = rig.begin() + kMb / 2;
  rig.directory.flip(bad);
  const auto located = locate(rig, rig.begin());
  ASSERT_EQ(located.availability, Availability::kReady);
  EXPECT_LE(located.ready_to, bad);
  EXPECT_GT(located.ready_to, bad - 4000);

  Waiter waiter;
  EXPECT_EQ(rig.view.locate(located.ready_to, waiter).availability, Availability::kPending);
  rig.view.retry_stopped();
  ASSERT_TRUE(told(rig, waiter));
  EXPECT_EQ(rig.view.locate(located.ready_to, waiter).availability, Availability::kPending)
      << "it is still bad";
  ASSERT_TRUE(told(rig, waiter, 2));

  rig.directory.flip(bad);
  rig.segments.forget(rig.segment(1));
  EXPECT_EQ(rig.view.locate(located.ready_to, waiter).availability, Availability::kPending);
  rig.view.forget(rig.segment(1));
  ASSERT_TRUE(told(rig, waiter, 3));
  EXPECT_EQ(locate(rig, located.ready_to).ready_to, rig.begin() + kMb);
}

TEST(SliceCacheTest, AChangeThatIsNotReportedIsNoticedByLookingAgain) {
  ViewRig rig;
  rig.fill_unproven(5 * kMb);
  rig.directory.flip(rig.begin() + kMb / 2);
  const Lsn stop = locate(rig, rig.begin()).ready_to;
  Waiter waiter;
  ASSERT_EQ(rig.view.locate(stop, waiter).availability, Availability::kPending);
  rig.directory.flip(rig.begin() + kMb / 2);
  rig.view.retry_stopped();
  EXPECT_EQ(locate(rig, stop).availability, Availability::kReady);
}

// Else one would take the error, and all others ask again, each with a job of its own.
TEST(SliceCacheTest, AllThatWaitForASliceAreToldOfItsErrorAtOnce) {
  ViewRig rig;
  rig.fill(5 * kMb);
  rig.directory.remove(rig.segment(1));
  Waiter waiters[3];
  for (Waiter& waiter : waiters) rig.view.locate(rig.begin(), waiter);
  for (const Waiter& waiter : waiters) ASSERT_TRUE(told(rig, waiter));
  for (Waiter& waiter : waiters) {
    EXPECT_EQ(rig.view.locate(rig.begin(), waiter).error->kind, &server::wal::kWalRemoved);
  }
  EXPECT_EQ(rig.view.locate(rig.begin(), waiters[0]).availability, Availability::kPending)
      << "asking again is answered by what is there by then";
}

TEST(SliceCacheTest, AnErrorIsForAWaiterThatStillWaits) {
  ViewRig rig;
  rig.fill(5 * kMb);
  rig.directory.remove(rig.segment(1));
  Waiter waiter;
  rig.view.locate(rig.begin(), waiter);
  ASSERT_TRUE(told(rig, waiter));
  waiter.stop_waiting();
  EXPECT_EQ(rig.view.locate(rig.begin(), waiter).availability, Availability::kPending);
}

// A standby that came minutes later would be given it, although the file is whole by then.
TEST(SliceCacheTest, AnErrorThatNoWaiterAwaitsIsNotKept) {
  ViewRig rig(4);
  rig.fill(10 * kMb);
  const Lsn middle = rig.begin() + kMb + kMb / 2;
  const auto rest = rig.directory.read(middle, rig.segment_start(2));
  rig.directory.truncate(middle);
  const auto first = locate(rig, rig.begin());
  ASSERT_EQ(first.availability, Availability::kReady);
  // The pool has one thread, which has tried to read ahead when it has let go of the file, and has
  // told of it when it has done something else.
  const std::weak_ptr<server::wal::Segment> opened = *first.segment;
  ASSERT_TRUE(rig.turn_until([&] { return opened.use_count() == 1; }));
  ASSERT_EQ(locate(rig, rig.segment_start(2)).availability, Availability::kReady);
  rig.directory.write(middle, rest);
  EXPECT_EQ(locate(rig, rig.begin() + kMb).availability, Availability::kReady);
}

TEST(SliceCacheTest, AtMostSoManySegmentsStayOpen) {
  ViewRig rig(1, {.segments_max = 3});
  rig.fill(12 * kMb);
  std::vector<std::weak_ptr<server::wal::Segment>> opened;
  for (std::uint64_t i = 0; i < 10; ++i) {
    const auto located = locate(rig, rig.begin() + i * kMb);
    ASSERT_EQ(located.availability, Availability::kReady);
    opened.push_back(*located.segment);
  }
  // A job that has ended holds its segment until the pool's thread has let go of it.
  EXPECT_TRUE(rig.turn_until([&] {
    return std::ranges::count_if(opened, [](const auto& weak) { return !weak.expired(); }) <= 3;
  }));
}

TEST(SliceCacheTest, ASegmentWithAWaiterIsNotEvicted) {
  ViewRig rig(1, {.segments_max = 1});
  rig.fill(6 * kMb);
  rig.directory.flip(rig.begin() + kMb / 2);
  Waiter waiter;
  const Lsn stop = locate(rig, rig.begin()).ready_to;
  ASSERT_EQ(rig.view.locate(stop, waiter).availability, Availability::kPending);
  for (std::uint64_t i = 1; i < 4; ++i) locate(rig, rig.begin() + i * kMb);
  rig.view.forget(rig.segment(1));
  EXPECT_EQ(waiter.calls, 1) << "it would wait for ever if its segment had gone";
}

TEST(SliceCacheTest, ASegmentThatAWaiterWasToldOfIsNotEvictedUntilItComesOrGoes) {
  ViewRig rig(1, {.segments_max = 1});
  rig.fill(8 * kMb);
  Waiter comes;
  Waiter goes;
  ASSERT_EQ(rig.view.locate(rig.begin(), comes).availability, Availability::kPending);
  ASSERT_EQ(rig.view.locate(rig.begin() + kMb, goes).availability, Availability::kPending);
  ASSERT_TRUE(told(rig, comes) && told(rig, goes));
  for (std::uint64_t i = 2; i < 5; ++i) locate(rig, rig.begin() + i * kMb);
  EXPECT_EQ(rig.view.locate(rig.begin(), comes).availability, Availability::kReady);
  goes.stop_waiting();
  locate(rig, rig.begin() + 5 * kMb);
  EXPECT_EQ(rig.view.locate(rig.begin() + kMb, goes).availability, Availability::kPending);
  EXPECT_EQ(rig.view.locate(rig.begin(), comes).availability, Availability::kPending);
}

TEST(SliceCacheTest, TwoViewsShareASegmentAndItsProof) {
  ViewRig rig;
  WalView other(rig.loop, rig.pool, rig.segments, {});
  rig.tail.subscribe(other.queue());
  rig.fill_unproven(5 * kMb);
  other.take_spans();
  const auto first = *locate(rig, rig.begin()).segment;
  const auto second = *locate(rig, other, rig.begin()).segment;
  EXPECT_EQ(first, second);
  EXPECT_TRUE(rig.segments.is_proven_for_test(*second, 0));
  // Both let go before the pool does.
  rig.turn_until([] { return true; });
}

}  // namespace tests
