#include "runtime/span_queue.h"

#include <gtest/gtest.h>

#include <thread>
#include <tuple>
#include <vector>

namespace runtime {
namespace {

// [begin, end) of one of several lines; spans of one line merge where they touch.
struct Span {
  int line = 0;
  int begin = 0;
  int end = 0;

  bool merge(const Span& next) {
    if (next.line != line || next.begin != end) return false;
    end = next.end;
    return true;
  }
  bool operator==(const Span&) const = default;
};

struct SpanQueueTest : testing::Test {
  std::vector<Span> pop_all() {
    std::vector<Span> spans;
    for (Span span; queue.pop(span);) spans.push_back(span);
    return spans;
  }
  // Pushes unit spans of line 0 from `next` on until one is kept back; returns the next begin.
  int fill(int next = 0) {
    while (queue.push({0, next, next + 1})) ++next;
    return next + 1;
  }

  Doorbell bell;
  SpanQueue<Span> queue{4, bell};
};

TEST_F(SpanQueueTest, GivesBackWhatWasPushed) {
  EXPECT_TRUE(queue.push({0, 0, 3}));
  EXPECT_TRUE(queue.push({0, 3, 4}));
  EXPECT_EQ(pop_all(), (std::vector<Span>{{0, 0, 3}, {0, 3, 4}}));
  EXPECT_TRUE(pop_all().empty());
}

TEST_F(SpanQueueTest, RingsForEverySpan) {
  ASSERT_TRUE(bell.prepare_to_sleep());
  EXPECT_TRUE(queue.push({0, 0, 1}));
  bell.awake();
  ASSERT_TRUE(bell.prepare_to_sleep());
  EXPECT_TRUE(queue.push({0, 1, 2}));
  EXPECT_FALSE(bell.prepare_to_sleep());
}

TEST_F(SpanQueueTest, HoldsAtLeastWhatItWasMadeFor) { EXPECT_GE(fill(), 4); }

TEST_F(SpanQueueTest, MergesWhileItIsFull) {
  const int kept_end = fill();
  EXPECT_FALSE(queue.push({0, kept_end, kept_end + 10}));
  EXPECT_FALSE(queue.push({0, kept_end + 10, kept_end + 20}));
  EXPECT_FALSE(queue.flush());
  const auto queued = pop_all();
  EXPECT_EQ(queued.size(), static_cast<std::size_t>(kept_end - 1));
  EXPECT_TRUE(queue.flush());
  EXPECT_EQ(pop_all(), (std::vector<Span>{{0, kept_end - 1, kept_end + 20}}));
}

TEST_F(SpanQueueTest, FlushesTheWaitingSpanBeforeTheNext) {
  const int kept_end = fill();
  pop_all();
  EXPECT_TRUE(queue.push({7, 0, 1}));
  EXPECT_EQ(pop_all(), (std::vector<Span>{{0, kept_end - 1, kept_end}, {7, 0, 1}}));
}

TEST_F(SpanQueueTest, FlushRingsForTheWaitingSpan) {
  fill();
  pop_all();
  bell.awake();
  ASSERT_TRUE(bell.prepare_to_sleep());
  EXPECT_TRUE(queue.flush());
  EXPECT_FALSE(bell.prepare_to_sleep());
}

TEST_F(SpanQueueTest, LosesNoneOfThoseThatDoNotMerge) {
  const int kept_end = fill();
  EXPECT_FALSE(queue.push({1, 0, 1}));
  for (int line = 2; line <= 20; ++line) std::ignore = queue.push({line, 0, 1});
  std::vector<Span> all = pop_all();
  EXPECT_TRUE(queue.flush());
  const auto last = pop_all();
  all.insert(all.end(), last.begin(), last.end());
  ASSERT_EQ(all.size(), static_cast<std::size_t>(kept_end + 20));
  for (int i = 0; i < kept_end; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)].begin, i);
  for (int line = 1; line <= 20; ++line) {
    EXPECT_EQ(all[static_cast<std::size_t>(kept_end + line - 1)].line, line);
  }
}

// The producer never waits, so that it must merge whenever the consumer is slow; every 1000 units
// the line changes, which cannot be merged.
TEST_F(SpanQueueTest, KeepsOrderAndLosesNothingBetweenTwoThreads) {
  constexpr int kUnits = 200'000;
  constexpr int kUnitsPerLine = 1000;
  std::thread producer([this] {
    bool waiting = false;
    for (int i = 0; i < kUnits; ++i) waiting = !queue.push({i / kUnitsPerLine, i, i + 1});
    while (waiting && !queue.flush()) std::this_thread::yield();
  });
  int end = 0;
  while (end < kUnits) {
    Span span;
    if (!queue.pop(span)) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(span.begin, end);
    ASSERT_GT(span.end, span.begin);
    ASSERT_EQ(span.line, span.begin / kUnitsPerLine);
    ASSERT_EQ(span.line, (span.end - 1) / kUnitsPerLine);
    end = span.end;
  }
  producer.join();
  EXPECT_TRUE(pop_all().empty());
}

}  // namespace
}  // namespace runtime
