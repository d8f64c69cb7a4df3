#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "server/stream/slice_cache.h"
#include "tests/stream/view_rig.h"

// Whether what was read once is still in the page cache.

namespace tests {

using server::stream::SliceCache;
using server::wal::SegmentRef;
using Availability = SliceCache::Availability;

namespace {

struct Waiter final : SliceCache::Waiter {
  void on_wal_ready() override {}
};

// Readers of warm WAL had the kernel asked for each of their messages.
TEST(SliceCacheWarmTest, ASliceThatTheKernelHasCalledCachedIsNotAskedAboutForASecond) {
  ViewRig rig;
  rig.fill(5 << 20);
  SegmentRef segment;
  const auto availability = [&] {
    Waiter waiter;
    const auto located = rig.view.locate(rig.begin(), waiter);
    if (located.segment != nullptr) segment = *located.segment;
    return located.availability;
  };
  const auto availability_after = [&](runtime::Duration time) {
    rig.clock.advance(time);
    rig.loop.turn_for_test();
    return availability();
  };
  ASSERT_TRUE(rig.turn_until([&] { return availability() == Availability::kReady; }));
  EXPECT_EQ(availability_after(std::chrono::seconds(2)), Availability::kReady) << "it is cached";
  if (::fdatasync(segment->fd()) != 0 ||
      ::posix_fadvise(segment->fd(), 0, 0, POSIX_FADV_DONTNEED) != 0 ||
      segment->is_resident(0, 4096)) {
    GTEST_SKIP() << "this file system is its own page cache";
  }
  EXPECT_EQ(availability_after(std::chrono::milliseconds(999)), Availability::kReady);
  EXPECT_EQ(availability_after(std::chrono::milliseconds(1)), Availability::kPending);
}

}  // namespace
}  // namespace tests
