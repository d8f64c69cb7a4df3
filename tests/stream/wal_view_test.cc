#include "server/stream/wal_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "runtime/errors.h"
#include "tests/stream/view_rig.h"

namespace tests {

using server::stream::WalView;
using server::wal::Lsn;
using Availability = WalView::Availability;

namespace {

constexpr std::uint64_t kMb = 1 << 20;

struct Waiter final : WalView::Waiter {
  void on_wal_ready() override { ++calls; }
  int calls = 0;
};

std::string as_string(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Asks until the answer is no longer "wait".
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

// Turns until the waiter has been told so often.
bool told(ViewRig& rig, const Waiter& waiter, int calls = 1) {
  return rig.turn_until([&] { return waiter.calls >= calls; });
}

}  // namespace

TEST(WalViewTest, SpansRaiseTheEnd) {
  ViewRig rig;
  EXPECT_FALSE(rig.view.has_wal());
  EXPECT_FALSE(rig.view.take_spans());
  rig.grow(10'000);
  rig.publish();
  EXPECT_TRUE(rig.view.take_spans());
  EXPECT_TRUE(rig.view.has_wal());
  EXPECT_EQ(rig.view.end(), rig.end());
  EXPECT_FALSE(rig.view.take_spans());
}

TEST(WalViewTest, HotWalIsReadyToTheEndOnceItsFileIsOpen) {
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

TEST(WalViewTest, WhoWaitsIsToldOnceAndNotAtAllIfItStopsWaiting) {
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

TEST(WalViewTest, ColdWalIsProvenSliceBySlice) {
  ViewRig rig(4);
  rig.fill(10 * kMb);
  const auto located = locate(rig, rig.begin() + 100);
  ASSERT_EQ(located.availability, Availability::kReady);
  EXPECT_EQ(located.ready_to, rig.begin() + kMb);
  EXPECT_TRUE((*located.segment)->is_proven(0));
}

TEST(WalViewTest, TheSliceAfterTheOneInUseIsReadAhead) {
  ViewRig rig(4);
  rig.fill(10 * kMb);
  const auto segment = *locate(rig, rig.begin()).segment;
  EXPECT_TRUE(rig.turn_until([&] { return segment->is_proven(1); }));
  EXPECT_FALSE(segment->is_proven(2));
}

TEST(WalViewTest, HotWalEndsWithItsSegment) {
  ViewRig rig;
  rig.fill(kMb + kMb / 2);
  EXPECT_EQ(locate(rig, rig.begin() + 5).ready_to, rig.begin() + kMb);
  EXPECT_EQ(locate(rig, rig.begin() + kMb).ready_to, rig.end());
}

TEST(WalViewTest, AMissingSegmentIsAnErrorWithPostgresWords) {
  ViewRig rig;
  rig.fill(5 * kMb);
  rig.directory.remove(rig.segment(2));
  const auto located = locate(rig, rig.begin() + kMb);
  ASSERT_EQ(located.availability, Availability::kFailed);
  EXPECT_EQ(located.error->kind, &server::wal::kWalRemoved);
  EXPECT_EQ(located.error->what,
            "requested WAL segment 000000010000000000000002 has already been removed");
}

TEST(WalViewTest, EachOfManyWaitersLearnsOfTheMissingSegment) {
  ViewRig rig;
  rig.fill(5 * kMb);
  rig.directory.remove(rig.segment(1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(locate(rig, rig.begin()).availability, Availability::kFailed) << i;
  }
}

// A record crosses from segment 1 into 2, so 1 can only be proven to its last page with 2.
TEST(WalViewTest, TheErrorNamesTheSegmentThatIsMissingAndNotItsNeighbour) {
  ViewRig rig;
  rig.fill(5 * kMb);
  rig.directory.remove(rig.segment(2));
  const auto located = locate(rig, rig.begin());
  ASSERT_EQ(located.availability, Availability::kFailed);
  EXPECT_EQ(located.error->what,
            "requested WAL segment 000000010000000000000002 has already been removed");
}

TEST(WalViewTest, ATruncatedSegmentIsAnError) {
  ViewRig rig;
  rig.fill(5 * kMb);
  rig.directory.truncate(rig.begin() + kMb / 2);
  const auto located = locate(rig, rig.begin());
  ASSERT_EQ(located.availability, Availability::kFailed);
  EXPECT_EQ(located.error->kind, &runtime::kDataCorrupted);
  EXPECT_NE(located.error->what.find("000000010000000000000001"), std::string::npos)
      << located.error->what;
}

TEST(WalViewTest, ABadRecordEndsWhatMayBeSentUntilTheFileIsRepaired) {
  ViewRig rig;
  rig.fill(5 * kMb);
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

TEST(WalViewTest, WhatNobodyReportsIsNoticedByLookingAgain) {
  ViewRig rig;
  rig.fill(5 * kMb);
  rig.directory.flip(rig.begin() + kMb / 2);
  const Lsn stop = locate(rig, rig.begin()).ready_to;
  Waiter waiter;
  ASSERT_EQ(rig.view.locate(stop, waiter).availability, Availability::kPending);
  rig.directory.flip(rig.begin() + kMb / 2);
  rig.view.retry_stopped();
  EXPECT_EQ(locate(rig, stop).availability, Availability::kReady);
}

// One took the error, and all others asked again, each with a job of its own.
TEST(WalViewTest, AllWhoWaitForASliceAreToldOfItsErrorAtOnce) {
  ViewRig rig;
  rig.fill(5 * kMb);
  rig.directory.remove(rig.segment(1));
  Waiter waiters[3];
  for (Waiter& waiter : waiters) rig.view.locate(rig.begin(), waiter);
  for (const Waiter& waiter : waiters) ASSERT_TRUE(told(rig, waiter));
  for (Waiter& waiter : waiters) {
    const auto located = rig.view.locate(rig.begin(), waiter);
    ASSERT_EQ(located.availability, Availability::kFailed);
    EXPECT_EQ(located.error->kind, &server::wal::kWalRemoved);
  }
  EXPECT_EQ(rig.view.locate(rig.begin(), waiters[0]).availability, Availability::kPending)
      << "who asks again is told of what is there by then";
}

TEST(WalViewTest, AnErrorIsForWhoStillWaits) {
  ViewRig rig;
  rig.fill(5 * kMb);
  rig.directory.remove(rig.segment(1));
  Waiter waiter;
  rig.view.locate(rig.begin(), waiter);
  ASSERT_TRUE(told(rig, waiter));
  waiter.stop_waiting();
  EXPECT_EQ(rig.view.locate(rig.begin(), waiter).availability, Availability::kPending);
}

// A standby that came minutes later was given it, although the file was whole by then.
TEST(WalViewTest, AnErrorThatNobodyWaitedForIsNotKept) {
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

TEST(WalViewTest, AtMostSoManySegmentsStayOpen) {
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
    return std::count_if(opened.begin(), opened.end(),
                         [](const auto& segment) { return !segment.expired(); }) <= 3;
  }));
}

TEST(WalViewTest, ASegmentThatSomebodyWaitsForIsNotEvicted) {
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

TEST(WalViewTest, ASegmentThatSomebodyWasToldOfIsNotEvictedUntilHeComesOrGoes) {
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

TEST(WalViewTest, TwoViewsShareASegmentAndItsProof) {
  ViewRig rig;
  WalView other(rig.loop, rig.pool, rig.segments, {});
  rig.tail.subscribe(other.queue());
  rig.fill(5 * kMb);
  other.take_spans();
  const auto first = *locate(rig, rig.begin()).segment;
  const auto second = *locate(rig, other, rig.begin()).segment;
  EXPECT_EQ(first, second);
  EXPECT_TRUE(second->is_proven(0));
  // Both let go before the pool does.
  rig.turn_until([] { return true; });
}

TEST(WalViewTest, BytesAreReadOnceForAllThatAskForTheSame) {
  ViewRig rig;
  rig.fill(kMb / 2);
  const auto segment = *locate(rig, rig.begin()).segment;
  const Lsn from = rig.begin() + 1000;
  const auto first = rig.view.bytes(*segment, from, from + 5000);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(as_string(*first), rig.wal(from, from + 5000));
  const auto longer = rig.view.bytes(*segment, from + 100, from + 9000);
  ASSERT_TRUE(longer.has_value());
  EXPECT_EQ(longer->data(), first->data() + 100) << "only what was not there yet is read";
  EXPECT_EQ(as_string(*longer), rig.wal(from + 100, from + 9000));
  const auto earlier = rig.view.bytes(*segment, from - 50, from + 50);
  ASSERT_TRUE(earlier.has_value());
  EXPECT_EQ(as_string(*earlier), rig.wal(from - 50, from + 50));
}

}  // namespace tests
