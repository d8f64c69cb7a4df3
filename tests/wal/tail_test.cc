#include "server/wal/tail.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/wal/span_taker.h"

namespace server::wal {
namespace {

using tests::SpanTaker;

constexpr Lsn kBegin(0x100'0000);

Timelines timelines_of(std::uint32_t tip) { return {TimelineHistory(TimelineId{tip}), {}}; }

WalSpan span_of(std::uint64_t begin, std::uint64_t end) {
  return {nullptr, Lsn(begin), Lsn(end), {}};
}

TEST(WalSpanTest, SpansThatTouchBecomeOne) {
  const Timelines timelines = timelines_of(1);
  const runtime::Instant older{std::chrono::seconds(5)};
  WalSpan span{&timelines, Lsn(100), Lsn(200), older};
  EXPECT_TRUE(span.merge({&timelines, Lsn(200), Lsn(500), older + std::chrono::seconds(1)}));
  EXPECT_EQ(span.timelines, &timelines);
  EXPECT_EQ(span.begin, Lsn(100));
  EXPECT_EQ(span.end, Lsn(500));
  EXPECT_EQ(span.published, older) << "lag counts from there";
  EXPECT_FALSE(span.file_replaced);
}

TEST(WalSpanTest, SpansThatDoNotTouchStayAsTheyAre) {
  for (const WalSpan& next : {span_of(201, 300), span_of(199, 300), span_of(100, 200)}) {
    WalSpan span = span_of(100, 200);
    EXPECT_FALSE(span.merge(next));
    EXPECT_EQ(span.end, Lsn(200));
  }
}

TEST(WalSpanTest, SpansOfTwoTimelinesStayTwo) {
  const Timelines first = timelines_of(1);
  const Timelines second = timelines_of(2);
  WalSpan span{&first, Lsn(100), Lsn(200), {}};
  EXPECT_FALSE(span.merge({&second, Lsn(200), Lsn(300), {}}));
  EXPECT_EQ(span.end, Lsn(200));
}

TEST(WalSpanTest, AReplacedFileIsRememberedWhicheverSpanToldOfIt) {
  for (const bool first : {false, true}) {
    WalSpan span = span_of(100, 200);
    span.file_replaced = first;
    WalSpan next = span_of(200, 300);
    next.file_replaced = !first;
    EXPECT_TRUE(span.merge(next));
    EXPECT_TRUE(span.file_replaced) << first;
  }
}

class TailTest : public testing::Test {
 protected:
  // Publishes the next `size` bytes, as one record.
  void publish(std::uint64_t size = 100, bool file_replaced = false) {
    now += std::chrono::seconds(1);
    tail.publish(end, end + size, now, file_replaced);
    end += size;
  }
  // More spans than a queue of four has room for, which is more than four.
  void publish_too_many() {
    for (int i = 0; i < kTooMany; ++i) publish();
  }
  static constexpr int kTooMany = 100;

  WalTail tail;
  runtime::Instant now;
  Lsn end = kBegin;
};

class AdoptedTailTest : public TailTest {
 protected:
  AdoptedTailTest() { tail.adopt(timelines_of(1)); }
};

TEST_F(TailTest, BeginsWithNothing) {
  EXPECT_EQ(tail.timelines(), nullptr);
  EXPECT_FALSE(tail.position().valid());
}

TEST_F(TailTest, AdoptedTimelinesStayWhereTheyAre) {
  std::vector<const Timelines*> adopted;
  for (std::uint32_t tip = 1; tip <= 100; ++tip) {
    adopted.push_back(tail.adopt(timelines_of(tip)));
    EXPECT_EQ(tail.timelines(), adopted.back());
  }
  for (std::uint32_t tip = 1; tip <= 100; ++tip) {
    EXPECT_EQ(adopted[tip - 1]->history.tip(), TimelineId{tip});
  }
}

TEST_F(TailTest, ASpanIsOnTheTimelinesOfItsTime) {
  SpanTaker loop(tail);
  const Timelines* first = tail.adopt(timelines_of(1));
  publish();
  const Timelines* second = tail.adopt(timelines_of(2));
  publish();
  const auto spans = loop.take();
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].timelines, first);
  EXPECT_EQ(spans[1].timelines, second);
}

TEST_F(AdoptedTailTest, ASpanGoesToEveryQueueAsItIs) {
  SpanTaker one(tail);
  SpanTaker other(tail);
  const runtime::Instant then{std::chrono::minutes(7)};
  tail.publish(Lsn(1000), Lsn(2000), then, true);
  tail.publish(Lsn(2000), Lsn(2500), then);
  for (SpanTaker* loop : {&one, &other}) {
    const auto spans = loop->take();
    ASSERT_EQ(spans.size(), 2u);
    EXPECT_EQ(spans[0].timelines, tail.timelines());
    EXPECT_EQ(spans[0].begin, Lsn(1000));
    EXPECT_EQ(spans[0].end, Lsn(2000));
    EXPECT_EQ(spans[0].published, then);
    EXPECT_TRUE(spans[0].file_replaced);
    EXPECT_EQ(spans[1].begin, Lsn(2000));
    EXPECT_FALSE(spans[1].file_replaced);
  }
}

TEST_F(AdoptedTailTest, ThePositionIsTheEndOfTheLastSpan) {
  publish();
  EXPECT_EQ(tail.position(), kBegin + 100);
  publish(0);
  EXPECT_EQ(tail.position(), kBegin + 100);
  publish();
  EXPECT_EQ(tail.position(), kBegin + 200);
}

// So a switch of timelines is told before there is WAL on the new one.
TEST_F(AdoptedTailTest, AnEmptySpanIsCarriedToo) {
  SpanTaker loop(tail);
  publish(0);
  const auto spans = loop.take();
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0].begin, kBegin);
  EXPECT_EQ(spans[0].end, kBegin);
}

TEST_F(AdoptedTailTest, AForkTakesThePositionBack) {
  publish(1000);
  tail.adopt(timelines_of(2));
  tail.publish(kBegin + 300, kBegin + 300, now);
  EXPECT_EQ(tail.position(), kBegin + 300);
}

TEST_F(AdoptedTailTest, AFullQueueMergesAndDelaysNoOther) {
  SpanTaker slow(tail, 4);
  SpanTaker quick(tail);
  std::size_t taken = 0;
  for (int i = 0; i < kTooMany; ++i) {
    publish();
    taken += quick.take().size();
  }
  EXPECT_EQ(tail.position(), end);
  EXPECT_EQ(taken, std::size_t{kTooMany});
  const auto spans = slow.take();
  ASSERT_LT(spans.size(), 20u);
  EXPECT_GT(spans.back().end - spans.back().begin, 100u);
}

// It was kept by the producer, which ended with the connection to its primary, with a full disk or
// with the server; streams then ended before the end of WAL.
TEST_F(AdoptedTailTest, AFullQueueHasAllOfTheWalThoughTheProducerDoesNothingMore) {
  SpanTaker loop(tail, 4);
  publish_too_many();
  const auto spans = loop.take();
  Lsn at = kBegin;
  runtime::Instant published;
  for (const WalSpan& span : spans) {
    EXPECT_EQ(span.begin, at);
    EXPECT_EQ(span.published, published + std::chrono::seconds(1)) << "that of its oldest part";
    published += std::chrono::seconds((span.end - span.begin) / 100);
    at = span.end;
  }
  EXPECT_EQ(at, end);
  publish();
  EXPECT_EQ(loop.take().size(), 1u) << "there is room again";
}

TEST_F(AdoptedTailTest, AReplacedFileIsToldThoughItsSpanWasMerged) {
  SpanTaker loop(tail, 4);
  publish_too_many();
  publish(100, true);
  publish();
  const auto spans = loop.take();
  ASSERT_GT(spans.size(), 1u);
  EXPECT_FALSE(spans.front().file_replaced);
  EXPECT_TRUE(spans.back().file_replaced);
}

// The two sides of a fork cannot become one span, and no loop may miss either.
TEST_F(AdoptedTailTest, ASwitchOfTimelinesIsNotLostInAFullQueue) {
  SpanTaker loop(tail, 4);
  const Timelines* first = tail.timelines();
  publish_too_many();
  const Lsn first_end = end;
  const Timelines* second = tail.adopt(timelines_of(2));
  end = kBegin + 50;
  publish();
  const auto spans = loop.take();
  ASSERT_GE(spans.size(), 2u);
  const WalSpan& before = spans[spans.size() - 2];
  EXPECT_EQ(before.timelines, first);
  EXPECT_EQ(before.end, first_end);
  EXPECT_EQ(spans.back().timelines, second);
  EXPECT_EQ(spans.back().begin, kBegin + 50);
  EXPECT_EQ(spans.back().end, end);
}

TEST_F(TailTest, NothingIsPublishedWithoutTimelines) {
  EXPECT_DEATH(tail.publish(Lsn(1), Lsn(2), now), "timelines\\(\\) != nullptr");
}

TEST_F(AdoptedTailTest, NothingIsPublishedBackwards) {
  EXPECT_DEATH(tail.publish(Lsn(2), Lsn(1), now), "begin <= end");
}

}  // namespace
}  // namespace server::wal
