#include "runtime/span_queue.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>
#include <vector>

#include "runtime/published.h"

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
  // Pushes unit spans of line 0 from `next` on, more than the queue has room for. Returns their
  // end.
  int fill(int next = 0) {
    for (int i = 0; i < kTooMany; ++i, ++next) queue.push({0, next, next + 1});
    return next;
  }
  static constexpr int kTooMany = 100;

  Doorbell bell;
  SpanQueue<Span> queue{4, bell};
};

// That the spans of line 0 come in order, up to `end`. Returns how many they are.
std::size_t expect_line_0(const std::vector<Span>& spans, int end) {
  int at = 0;
  std::size_t count = 0;
  for (const Span& span : spans) {
    if (span.line != 0) break;
    EXPECT_EQ(span.begin, at);
    at = span.end;
    ++count;
  }
  EXPECT_EQ(at, end);
  return count;
}

TEST_F(SpanQueueTest, GivesBackWhatWasPushed) {
  queue.push({0, 0, 3});
  queue.push({0, 3, 4});
  EXPECT_EQ(pop_all(), (std::vector<Span>{{0, 0, 3}, {0, 3, 4}}));
  EXPECT_TRUE(pop_all().empty());
}

TEST_F(SpanQueueTest, RingsForEverySpan) {
  ASSERT_TRUE(bell.prepare_to_sleep());
  queue.push({0, 0, 1});
  bell.awake();
  ASSERT_TRUE(bell.prepare_to_sleep());
  queue.push({0, 1, 2});
  EXPECT_FALSE(bell.prepare_to_sleep());
}

TEST_F(SpanQueueTest, RingsForWhatIsMerged) {
  const int end = fill();
  bell.awake();
  ASSERT_TRUE(bell.prepare_to_sleep());
  queue.push({0, end, end + 1});
  EXPECT_FALSE(bell.prepare_to_sleep());
}

TEST_F(SpanQueueTest, MergesWhileItIsFull) {
  const int end = fill();
  const auto spans = pop_all();
  const std::size_t count = expect_line_0(spans, end);
  EXPECT_EQ(count, spans.size());
  EXPECT_GT(count, 4u) << "it holds what it was made for, and the rest";
  EXPECT_LT(count, 20u);
}

TEST_F(SpanQueueTest, HasRoomAgainWhenTheRestWasTaken) {
  const int end = fill();
  pop_all();
  for (int line = 1; line <= 4; ++line) queue.push({line, end, end + 1});
  EXPECT_EQ(pop_all().size(), 4u);
}

TEST_F(SpanQueueTest, TheRestComesAfterTheQueueAndBeforeWhatFollows) {
  const int end = fill();
  Span first;
  ASSERT_TRUE(queue.pop(first));
  queue.push({0, end, end + 1});  // there is room in the queue, and a rest before it
  auto spans = pop_all();
  spans.insert(spans.begin(), first);
  EXPECT_EQ(expect_line_0(spans, end + 1), spans.size());
}

TEST_F(SpanQueueTest, LosesNoneOfThoseThatDoNotMerge) {
  const int end = fill();
  for (int line = 1; line <= 20; ++line) queue.push({line, 0, 1});
  const auto all = pop_all();
  const std::size_t of_line_0 = expect_line_0(all, end);
  ASSERT_EQ(all.size(), of_line_0 + 20);
  for (int line = 1; line <= 20; ++line) {
    EXPECT_EQ(all[of_line_0 + static_cast<std::size_t>(line) - 1].line, line);
  }
}

TEST_F(SpanQueueTest, AConsumerThatDoesNotListenIsNotRungForAndMissesNothing) {
  queue.stop_listening();
  ASSERT_TRUE(bell.prepare_to_sleep());
  const int end = fill();
  EXPECT_TRUE(bell.prepare_to_sleep());
  queue.listen();
  expect_line_0(pop_all(), end);
  queue.push({0, end, end + 1});
  EXPECT_FALSE(bell.prepare_to_sleep());
}

// The producer never waits, so that it must merge whenever the consumer is slow; every 1000 units
// the line changes, which cannot be merged.
TEST_F(SpanQueueTest, KeepsOrderAndLosesNothingBetweenTwoThreads) {
  constexpr int kUnits = 200'000;
  constexpr int kUnitsPerLine = 1000;
  std::thread producer([this] {
    for (int i = 0; i < kUnits; ++i) queue.push({i / kUnitsPerLine, i, i + 1});
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

// The consumer sleeps, listening only now and then; what the producer pushes last is never rung for
// again, and must be found.
TEST_F(SpanQueueTest, NoLastSpanIsLostOnAConsumerThatBeginsToListen) {
  constexpr int kRounds = 20'000;
  Published<int> taken{0};
  std::thread producer([&] {
    for (int i = 0; i < kRounds; ++i) {
      queue.push({0, i, i + 1});
      while (taken.load() <= i) std::this_thread::yield();
    }
  });
  for (int end = 0; end < kRounds;) {
    queue.stop_listening();
    queue.listen();
    Span span;
    while (queue.pop(span)) end = span.end;
    taken.store(end);
    if (end == kRounds) break;
    pollfd rung{.fd = bell.fd(), .events = POLLIN, .revents = 0};
    if (bell.prepare_to_sleep()) {
      ASSERT_EQ(::poll(&rung, 1, /*timeout_ms=*/10'000), 1) << "after " << end;
    }
    bell.awake();
    while (queue.pop(span)) end = span.end;
    taken.store(end);
  }
  producer.join();
}

}  // namespace
}  // namespace runtime
