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
  return {nullptr, Lsn(begin), Lsn(end), 1, {}};
}

TEST(WalSpanTest, SpansThatTouchBecomeOne) {
  const Timelines timelines = timelines_of(1);
  const runtime::Instant older{std::chrono::seconds(5)};
  WalSpan span{&timelines, Lsn(100), Lsn(200), 3, older};
  EXPECT_TRUE(span.merge({&timelines, Lsn(200), Lsn(500), 4, older + std::chrono::seconds(1)}));
  EXPECT_EQ(span.timelines, &timelines);
  EXPECT_EQ(span.begin, Lsn(100));
  EXPECT_EQ(span.end, Lsn(500));
  EXPECT_EQ(span.record_count, 7u);
  EXPECT_EQ(span.published, older) << "lag counts from there";
  EXPECT_FALSE(span.file_replaced);
}

TEST(WalSpanTest, SpansThatDoNotTouchStayAsTheyAre) {
  for (const WalSpan& next : {span_of(201, 300), span_of(199, 300), span_of(100, 200)}) {
    WalSpan span = span_of(100, 200);
    EXPECT_FALSE(span.merge(next));
    EXPECT_EQ(span.end, Lsn(200));
    EXPECT_EQ(span.record_count, 1u);
  }
}

TEST(WalSpanTest, SpansOfTwoTimelinesStayTwo) {
  const Timelines first = timelines_of(1);
  const Timelines second = timelines_of(2);
  WalSpan span{&first, Lsn(100), Lsn(200), 1, {}};
  EXPECT_FALSE(span.merge({&second, Lsn(200), Lsn(300), 1, {}}));
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
    tail.publish(end, end + size, 1, now, file_replaced);
    end += size;
  }
  // Until a queue is full. Returns how many spans it took.
  std::size_t publish_until_one_waits() {
    std::size_t count = 0;
    for (; !tail.has_waiting(); ++count) publish();
    return count;
  }

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
  EXPECT_FALSE(tail.has_waiting());
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
  tail.publish(Lsn(1000), Lsn(2000), 9, then, true);
  tail.publish(Lsn(2000), Lsn(2500), 2, then);
  for (SpanTaker* loop : {&one, &other}) {
    const auto spans = loop->take();
    ASSERT_EQ(spans.size(), 2u);
    EXPECT_EQ(spans[0].timelines, tail.timelines());
    EXPECT_EQ(spans[0].begin, Lsn(1000));
    EXPECT_EQ(spans[0].end, Lsn(2000));
    EXPECT_EQ(spans[0].record_count, 9u);
    EXPECT_EQ(spans[0].published, then);
    EXPECT_TRUE(spans[0].file_replaced);
    EXPECT_EQ(spans[1].begin, Lsn(2000));
    EXPECT_FALSE(spans[1].file_replaced);
  }
  EXPECT_FALSE(tail.has_waiting());
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
  tail.publish(kBegin + 300, kBegin + 300, 0, now);
  EXPECT_EQ(tail.position(), kBegin + 300);
}

TEST_F(AdoptedTailTest, AFullQueueMergesAndDelaysNoOther) {
  SpanTaker slow(tail, 4);
  SpanTaker quick(tail);
  const std::size_t sent = publish_until_one_waits();
  for (int i = 0; i < 10; ++i) publish();
  EXPECT_EQ(tail.position(), end);
  EXPECT_EQ(quick.take().size(), sent + 10);
  EXPECT_EQ(slow.take().size(), sent - 1);

  tail.flush();
  EXPECT_FALSE(tail.has_waiting());
  const auto merged = slow.take();
  ASSERT_EQ(merged.size(), 1u);
  EXPECT_EQ(merged[0].begin, kBegin + (sent - 1) * 100);
  EXPECT_EQ(merged[0].end, end);
  EXPECT_EQ(merged[0].record_count, 11u);
  EXPECT_EQ(merged[0].published, runtime::Instant() + std::chrono::seconds(sent));
  EXPECT_TRUE(quick.take().empty()) << "it has everything";
}

TEST_F(AdoptedTailTest, AFlushIsDueUntilEveryQueueHasHadRoom) {
  SpanTaker one(tail, 4);
  SpanTaker other(tail, 4);
  publish_until_one_waits();
  tail.flush();
  EXPECT_TRUE(tail.has_waiting());
  for (SpanTaker* loop : {&other, &one}) {
    EXPECT_TRUE(tail.has_waiting());
    loop->take();
    tail.flush();
    EXPECT_EQ(loop->take().size(), 1u);
  }
  EXPECT_FALSE(tail.has_waiting());
}

TEST_F(AdoptedTailTest, WhatWaitsGoesBeforeWhatComesNext) {
  SpanTaker loop(tail, 4);
  publish_until_one_waits();
  loop.take();
  publish();
  const auto spans = loop.take();
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].end, spans[1].begin);
  EXPECT_EQ(spans[1].end, end);
  tail.flush();
  EXPECT_FALSE(tail.has_waiting());
  EXPECT_TRUE(loop.take().empty());
}

TEST_F(AdoptedTailTest, AReplacedFileIsToldThoughItsSpanWasMerged) {
  SpanTaker loop(tail, 4);
  publish_until_one_waits();
  publish(100, true);
  publish();
  for (const WalSpan& span : loop.take()) EXPECT_FALSE(span.file_replaced);
  tail.flush();
  const auto spans = loop.take();
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_TRUE(spans[0].file_replaced);
}

// The two sides of a fork cannot become one span, and no loop may miss either.
TEST_F(AdoptedTailTest, ASwitchOfTimelinesIsNotLostInAFullQueue) {
  SpanTaker loop(tail, 4);
  const Timelines* first = tail.timelines();
  publish_until_one_waits();
  publish();
  const Lsn first_end = end;
  const Timelines* second = tail.adopt(timelines_of(2));
  end = kBegin + 50;
  publish();
  auto spans = loop.take();
  tail.flush();
  for (const WalSpan& span : loop.take()) spans.push_back(span);
  ASSERT_GE(spans.size(), 2u);
  const WalSpan& before = spans[spans.size() - 2];
  EXPECT_EQ(before.timelines, first);
  EXPECT_EQ(before.end, first_end);
  EXPECT_EQ(spans.back().timelines, second);
  EXPECT_EQ(spans.back().begin, kBegin + 50);
  EXPECT_EQ(spans.back().end, end);
}

TEST_F(TailTest, NothingIsPublishedWithoutTimelines) {
  EXPECT_DEATH(tail.publish(Lsn(1), Lsn(2), 1, now), "timelines\\(\\) != nullptr");
}

TEST_F(AdoptedTailTest, NothingIsPublishedBackwards) {
  EXPECT_DEATH(tail.publish(Lsn(2), Lsn(1), 1, now), "begin <= end");
}

}  // namespace
}  // namespace server::wal
