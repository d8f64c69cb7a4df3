#include <gtest/gtest.h>

#include <semaphore>
#include <string>

#include "server/stream/slice_cache.h"
#include "tests/stream/view_rig.h"
#include "tests/support/disk_calls.h"

// Slices of records whose proofs take long.

namespace tests {

using server::stream::SliceCache;
using server::stream::WalView;
using server::wal::Lsn;

namespace {

constexpr std::uint64_t kMb = 1 << 20;

struct Waiter final : SliceCache::Waiter {
  void on_wal_ready() override {}
};

// A standby that wanted another long record waited for the proof of the first one.
TEST(SliceCacheLongTest, AProofOfALongRecordWaitsForNoneOfAnother) {
  ViewRig rig;
  rig.grow(kMb / 2);
  const auto first = rig.builder.append_noop(filling(9 * kMb));
  rig.grow(kMb / 2);
  const auto second = rig.builder.append_noop(filling(9 * kMb));
  rig.write();
  rig.fill_unproven(3 * kMb);
  // A short proof of the slice, which begins with the record, does not come so far.
  const auto far_off = rig.identity.segment_size.segment_of(first.end - kMb);
  std::counting_semaphore<100> stands_still(0);
  std::counting_semaphore<100> go(0);
  const std::string slow =
      server::wal::segment_name(server::wal::TimelineId{1}, far_off, rig.identity.segment_size);
  const DiskHook hook(rig.directory.path(), [&](const DiskCall& call) {
    if (call.name == "pread" && call.file == slow) {
      stands_still.release();
      static_cast<void>(go.try_acquire_for(std::chrono::seconds(60)));
    }
    return 0;
  });
  Waiter waiter;
  rig.view.locate(first.begin + kMb, waiter);
  ASSERT_TRUE(rig.turn_until([&] { return stands_still.try_acquire(); }));
  Waiter other;
  const auto is_ready = [&](Lsn from, Waiter& asks) {
    return rig.view.locate(from, asks).availability == WalView::Availability::kReady;
  };
  EXPECT_TRUE(rig.turn_until([&] { return is_ready(second.begin + kMb, other); }));
  EXPECT_FALSE(is_ready(first.begin + kMb, waiter));
  go.release(100);
  EXPECT_TRUE(rig.turn_until([&] { return is_ready(first.begin + kMb, waiter); }));
}

}  // namespace

}  // namespace tests
