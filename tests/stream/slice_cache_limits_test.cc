#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "server/stream/slice_cache.h"
#include "tests/stream/view_rig.h"

// What a loop does where more segments are wanted, or held, than may stay open.

namespace tests {

using server::stream::SliceCache;
using server::stream::Walk;
using server::wal::Lsn;
using server::wal::SegmentRef;

namespace {

constexpr std::uint64_t kMb = 1 << 20;

struct Waiter final : SliceCache::Waiter {
  void on_wal_ready() override {}
};

// Each of thousands of standbys that catch up in a segment of its own had every message look
// through all of them.
TEST(SliceCacheLimitsTest, ACrowdOfSegmentsThatAreWaitedForIsNotLookedThroughAtEachCall) {
  constexpr std::size_t kCrowd = 500;
  constexpr std::size_t kCalls = 2000;
  ViewRig rig;
  Walk walk;
  walk.take({.timelines = rig.tail.timelines(),
             .begin = rig.segment_start(2 * kCrowd),
             .end = rig.segment_start(2 * kCrowd),
             .published = {}});
  SliceCache cache(rig.loop, rig.pool, rig.segments, walk, /*segments_max=*/4, /*held_max=*/0);
  std::vector<std::unique_ptr<Waiter>> waiters;
  for (std::size_t i = 0; i < kCrowd; ++i) {
    waiters.push_back(std::make_unique<Waiter>());
    cache.locate(rig.segment_start(1 + i), *waiters.back());
  }
  for (std::size_t i = 0; i < kCalls; ++i) cache.locate(rig.begin(), *waiters.front());
  EXPECT_GT(cache.looks_for_test(), kCrowd) << "they are looked through now and then";
  EXPECT_LE(cache.looks_for_test(), 20 * (kCrowd + kCalls));
}

// Holds the first 64 kB of a segment, as a message of which the socket takes no more.
struct Held final : SliceCache::Holder {
  explicit Held(SegmentRef of) : segment(std::move(of)) {}
  ~Held() override { stop_holding(); }
  using SliceCache::Holder::stop_holding;
  SliceCache::Holder::Held held() const override {
    return {segment, segment->begin() + 100, segment->begin() + 64 * 1024};
  }
  void on_segment_wanted() override {
    ++calls;
    was_cached = segment->is_resident(0, 64 * 1024);
  }

  const SegmentRef segment;
  int calls = 0;
  bool was_cached = false;
};

struct HolderTest : ::testing::Test {
  HolderTest() { rig.fill(5 * kMb); }

  SegmentRef segment() {
    Waiter waiter;
    SegmentRef found;
    rig.turn_until([&] {
      const auto located = rig.view.locate(rig.begin(), waiter);
      if (located.segment != nullptr) found = *located.segment;
      return found != nullptr;
    });
    return found;
  }
  // Whether the file system lets go of its pages.
  static bool drop_from_cache(const SegmentRef& segment) {
    return ::fdatasync(segment->fd()) == 0 &&
           ::posix_fadvise(segment->fd(), 0, 0, POSIX_FADV_DONTNEED) == 0 &&
           !segment->is_resident(0, 64 * 1024);
  }

  ViewRig rig;
};

TEST_F(HolderTest, OneWhoseBytesAreCachedLetsGoAtOnce) {
  Held held(segment());
  rig.view.hold(held.segment, held);
  rig.view.forget(rig.segment(1));
  EXPECT_EQ(held.calls, 1);
}

// The loop read them from the disk, and all its streams waited.
TEST_F(HolderTest, OneWhoseBytesHaveLeftTheCacheLetsGoWhenThePoolHasReadThem) {
  Held held(segment());
  rig.view.hold(held.segment, held);
  if (!drop_from_cache(held.segment)) GTEST_SKIP() << "this file system is its own page cache";
  rig.view.forget(rig.segment(1));
  EXPECT_EQ(held.calls, 0);
  EXPECT_TRUE(rig.turn_until([&] { return held.calls == 1; }));
  EXPECT_TRUE(held.was_cached);
}

TEST_F(HolderTest, OneThatHasSentItsMessageMeanwhileIsNotTold) {
  Held held(segment());
  rig.view.hold(held.segment, held);
  if (!drop_from_cache(held.segment)) GTEST_SKIP() << "this file system is its own page cache";
  rig.view.forget(rig.segment(1));
  held.stop_holding();
  // The pool has one thread: behind this it has read.
  Waiter waiter;
  rig.view.locate(rig.segment_start(3), waiter);
  EXPECT_TRUE(rig.turn_until(
      [&] { return rig.view.locate(rig.segment_start(3), waiter).segment != nullptr; }));
  EXPECT_EQ(held.calls, 0);
}

}  // namespace
}  // namespace tests
