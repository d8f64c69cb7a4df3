#include "server/stream/delivery.h"

#include <gtest/gtest.h>

#include <memory>

namespace tests {

using runtime::Duration;
using runtime::Instant;
using server::stream::Delivery;
using server::stream::DeliveryStatus;
using server::stream::index_of;
using server::stream::Obstacle;
using server::stream::Stage;
using server::stream::StageClock;
using server::stream::StageFigure;
using server::wal::Lsn;
using PumpResult = server::stream::SendQueue::Pumped::PumpResult;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct DeliveryTest : ::testing::Test {
  // The loop takes a span of new WAL; 10 us before, it was found.
  void take_span() {
    const Instant found = now - microseconds(10);
    end = end + 100;
    stages->pop({.timelines = nullptr,
                 .begin = Lsn(end.value() - 100),
                 .end = end,
                 .published = now,
                 .arrived = found,
                 .found = found,
                 .stored = found,
                 .proven = found});
    stages->taken(now);
  }
  void send() {
    if (delivery.is_due(end)) delivery.sent(end, now);
  }
  // Deliveries that take no time.
  void deliver() {
    take_span();
    send();
  }
  void report(Lsn write, Lsn flush, Lsn apply) {
    delivery.on_report({.write = write, .flush = flush, .apply = apply}, now);
  }
  StageFigure figure(Stage stage) const { return delivery.status(now).stages.at(index_of(stage)); }

  std::unique_ptr<StageClock> stages = std::make_unique<StageClock>();
  Delivery delivery{*stages};
  Instant now{std::chrono::hours(1)};  // a minute has just begun
  Lsn end{1000};
};

// What waits for it is no longer known piece by piece, so what holds it up is told as of one that
// catches up.
TEST_F(DeliveryTest, AStandbyThatStandsStillTooLongIsNoLiveOne) {
  delivery.on_caught_up();
  for (std::size_t i = 0; i < StageClock::kSpans; ++i) take_span();
  EXPECT_TRUE(delivery.status(now).is_live);
  take_span();
  EXPECT_FALSE(delivery.status(now).is_live);
  EXPECT_EQ(figure(Stage::kSent).pending, Duration::zero());
}

// As many commits as a send_delay may gather: the one that has waited the longest is told.
TEST_F(DeliveryTest, SpansThatAreGatheredBeyondThoseKeptCountAsOne) {
  constexpr std::size_t kGathered = 3000;
  delivery.set_gathers(true);
  delivery.on_caught_up();
  stages->let_go(now);
  for (std::size_t i = 0; i < kGathered; ++i) {
    now += microseconds(10);
    take_span();
  }
  const Duration longest = (kGathered - 1) * microseconds(10);
  EXPECT_TRUE(delivery.status(now).is_live);
  EXPECT_EQ(figure(Stage::kGathered).pending, longest);
  now += milliseconds(1);
  stages->let_go(now);
  send();
  EXPECT_EQ(figure(Stage::kGathered).max, longest + milliseconds(1));
  EXPECT_EQ(figure(Stage::kGathered).count, StageClock::kSpans);
  const auto all = stages->snapshot(now)->all;
  EXPECT_EQ(all.merged_spans, kGathered - StageClock::kSpans);
  EXPECT_EQ(all.gathered_sends, 1u);
  // What comes then is known span by span again.
  now += microseconds(10);
  take_span();
  now += microseconds(10);
  stages->let_go(now);
  send();
  EXPECT_EQ(figure(Stage::kGathered).count, StageClock::kSpans + 1);
  EXPECT_EQ(stages->snapshot(now)->all.merged_spans, kGathered - StageClock::kSpans);
}

// Other standbys had waited before it came.
TEST_F(DeliveryTest, WhatWasGatheredBeforeAStandbyCameIsNotItsOwn) {
  delivery.set_gathers(true);
  stages->let_go(now);
  for (int i = 0; i < 2000; ++i) {
    now += microseconds(10);
    take_span();
  }
  delivery.on_caught_up();
  for (std::size_t i = 0; i < 1500; ++i) {
    now += microseconds(10);
    take_span();
  }
  stages->let_go(now);
  send();
  EXPECT_EQ(figure(Stage::kGathered).count, StageClock::kSpans - 1);
  EXPECT_EQ(figure(Stage::kGathered).max, (StageClock::kSpans - 2) * microseconds(10));
}

// What is held up by its socket is not gathered.
TEST_F(DeliveryTest, AStandbyWhoseSocketIsFullIsNoLiveOneWhateverOthersGather) {
  delivery.set_gathers(true);
  delivery.on_caught_up();
  stages->let_go(now);
  delivery.pumped(PumpResult::kBlocked, now);
  for (std::size_t i = 0; i < 2 * StageClock::kSpans; ++i) {
    now += microseconds(10);
    take_span();
  }
  EXPECT_FALSE(delivery.status(now).is_live);
  send();
  EXPECT_EQ(figure(Stage::kSent).count, 0u);
}

TEST_F(DeliveryTest, AStandbyThatCatchesUpHasNoDeliveries) {
  take_span();
  delivery.start();
  EXPECT_FALSE(delivery.is_due(end));
  EXPECT_FALSE(delivery.status(now).is_live);
  take_span();
  EXPECT_FALSE(delivery.is_due(end));
  delivery.on_caught_up();
  EXPECT_TRUE(delivery.status(now).is_live);
  EXPECT_FALSE(delivery.is_due(end));  // what it has caught up with was not live
}

TEST_F(DeliveryTest, ASpanIsDeliveredOnceItsLastByteIsSent) {
  delivery.start();
  delivery.on_caught_up();
  take_span();
  EXPECT_FALSE(delivery.is_due(Lsn(end.value() - 1)));
  now += milliseconds(3);
  EXPECT_TRUE(delivery.is_due(end));
  delivery.sent(end, now);
  EXPECT_FALSE(delivery.is_due(end));
  EXPECT_EQ(figure(Stage::kSent).count, 1u);
  EXPECT_EQ(figure(Stage::kSent).mean, milliseconds(3));
  EXPECT_EQ(stages->snapshot(now)->recent.server.sum(), 3'010'000u);
}

TEST_F(DeliveryTest, AMessageMayDeliverSeveralSpans) {
  delivery.start();
  delivery.on_caught_up();
  take_span();
  now += milliseconds(2);
  take_span();
  send();
  EXPECT_EQ(figure(Stage::kSent).count, 2u);
  EXPECT_EQ(figure(Stage::kSent).mean, milliseconds(1));
  EXPECT_EQ(figure(Stage::kSent).max, milliseconds(2));
}

TEST_F(DeliveryTest, AStandbyThatIsTooFarBehindIsLiveNoMore) {
  delivery.start();
  delivery.on_caught_up();
  for (std::size_t i = 0; i <= StageClock::kSpans; ++i) take_span();
  send();
  EXPECT_FALSE(delivery.status(now).is_live);
  EXPECT_EQ(figure(Stage::kSent).count, 0u);
  delivery.on_caught_up();
  deliver();
  EXPECT_EQ(figure(Stage::kSent).count, 1u);
}

TEST_F(DeliveryTest, ReportsEndTheStandbysStages) {
  delivery.start();
  delivery.on_caught_up();
  deliver();
  const Lsn first = end;
  now += milliseconds(1);
  report(first, Lsn(1), Lsn(1));
  EXPECT_EQ(figure(Stage::kWritten).mean, milliseconds(1));
  EXPECT_EQ(figure(Stage::kFlushed).count, 0u);
  now += milliseconds(20);
  report(first, first, Lsn(1));
  EXPECT_EQ(figure(Stage::kFlushed).mean, milliseconds(20));
  now += milliseconds(300);
  report(first, first, first);
  EXPECT_EQ(figure(Stage::kApplied).mean, milliseconds(300));
  EXPECT_EQ(figure(Stage::kApplied).pending, Duration::zero());
}

TEST_F(DeliveryTest, AReportOfAPartOfASpanEndsNothing) {
  delivery.start();
  delivery.on_caught_up();
  deliver();
  report(Lsn(end.value() - 1), Lsn(1), Lsn(1));
  EXPECT_EQ(figure(Stage::kWritten).count, 0u);
}

TEST_F(DeliveryTest, WhatIsAppliedIsWrittenWhateverTheStandbySays) {
  delivery.start();
  delivery.on_caught_up();
  deliver();
  now += milliseconds(5);
  report(Lsn(1), Lsn(1), end);
  EXPECT_EQ(figure(Stage::kWritten).mean, milliseconds(5));
  EXPECT_EQ(figure(Stage::kFlushed).count, 1u);
  EXPECT_EQ(figure(Stage::kFlushed).mean, Duration::zero());
  EXPECT_EQ(figure(Stage::kApplied).count, 1u);
}

// As pg_receivewal without a slot.
TEST_F(DeliveryTest, AStandbyThatNeverFlushesWaitsForNoFlush) {
  delivery.start();
  delivery.on_caught_up();
  for (int i = 0; i < 100; ++i) {
    deliver();
    now += milliseconds(1);
    report(end, Lsn(), Lsn());
  }
  EXPECT_EQ(figure(Stage::kWritten).count, 100u);
  now += seconds(30);
  EXPECT_EQ(figure(Stage::kFlushed).count, 0u);
  EXPECT_EQ(figure(Stage::kFlushed).pending, Duration::zero());
  EXPECT_EQ(figure(Stage::kApplied).pending, Duration::zero());
}

TEST_F(DeliveryTest, ReplayThatStandsStillDoesNotHideTheDisk) {
  delivery.start();
  delivery.on_caught_up();
  const Lsn applied = end;
  for (int i = 0; i < 1000; ++i) {
    deliver();
    now += milliseconds(1);
    report(end, applied, applied);
    now += milliseconds(2);
    report(end, end, applied);
  }
  EXPECT_EQ(figure(Stage::kWritten).count, 1000u);
  EXPECT_EQ(figure(Stage::kFlushed).count, 1000u);
  EXPECT_EQ(figure(Stage::kFlushed).mean, milliseconds(2));
  EXPECT_EQ(figure(Stage::kApplied).count, 0u);
  EXPECT_EQ(figure(Stage::kApplied).pending, milliseconds(3 * 999));
}

TEST_F(DeliveryTest, SaysHowLongTheOldestHasWaited) {
  delivery.start();
  delivery.on_caught_up();
  deliver();
  now += seconds(2);
  deliver();
  now += seconds(1);
  EXPECT_EQ(figure(Stage::kSent).pending, Duration::zero());
  EXPECT_EQ(figure(Stage::kWritten).pending, seconds(3));
  take_span();
  now += seconds(1);
  EXPECT_EQ(figure(Stage::kSent).pending, seconds(1));
}

TEST_F(DeliveryTest, AFullSocketIsCountedForThoseThatMetIt) {
  delivery.start();
  delivery.on_caught_up();
  take_span();
  delivery.pumped(PumpResult::kBlocked, now);
  EXPECT_EQ(delivery.status(now).obstacle, Obstacle::kSocketFull);
  now += milliseconds(40);
  EXPECT_EQ(delivery.status(now).socket_full.stood_still, milliseconds(40));
  send();
  delivery.pumped(PumpResult::kCaughtUp, now);
  deliver();
  now += milliseconds(40);
  const DeliveryStatus status = delivery.status(now);
  EXPECT_EQ(status.obstacle, Obstacle::kNone);
  EXPECT_EQ(status.socket_full.stood_still, milliseconds(40));
  EXPECT_EQ(status.socket_full.delayed, milliseconds(40));
  EXPECT_EQ(status.cold_read.delayed, Duration::zero());
  EXPECT_EQ(figure(Stage::kSent).mean, milliseconds(20));
}

TEST_F(DeliveryTest, AColdReadIsCountedWhileAStandbyCatchesUp) {
  delivery.start();
  delivery.pumped(PumpResult::kWaiting, now);
  now += milliseconds(7);
  delivery.pumped(PumpResult::kMore, now);
  now += milliseconds(7);
  EXPECT_EQ(delivery.status(now).cold_read.stood_still, milliseconds(7));
  EXPECT_EQ(delivery.status(now).cold_read.delayed, Duration::zero());
}

TEST_F(DeliveryTest, AMinuteIsForgottenWhenTheNextOneIsOver) {
  delivery.start();
  delivery.on_caught_up();
  deliver();
  now += seconds(60);
  deliver();
  EXPECT_EQ(figure(Stage::kSent).count, 2u);
  now += seconds(60);
  EXPECT_EQ(figure(Stage::kSent).count, 1u);
  deliver();
  EXPECT_EQ(figure(Stage::kSent).count, 2u);
  now += seconds(120);
  EXPECT_EQ(figure(Stage::kSent).count, 0u);
  deliver();
  EXPECT_EQ(figure(Stage::kSent).count, 1u);
}

TEST_F(DeliveryTest, ANewStreamBeginsWithNothing) {
  delivery.start();
  delivery.on_caught_up();
  deliver();
  delivery.pumped(PumpResult::kBlocked, now);
  delivery.start();
  now += seconds(1);
  const DeliveryStatus status = delivery.status(now);
  EXPECT_EQ(status.stages.at(index_of(Stage::kSent)).count, 0u);
  EXPECT_EQ(status.stages.at(index_of(Stage::kWritten)).pending, Duration::zero());
  EXPECT_EQ(status.socket_full.stood_still, Duration::zero());
  EXPECT_FALSE(status.is_live);
}

}  // namespace

}  // namespace tests
