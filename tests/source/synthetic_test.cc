#include "server/source/synthetic.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "server/wal/inventory.h"
#include "server/wal/names.h"
#include "tests/source/tail_follower.h"
#include "tests/support/fake_holder.h"
#include "tests/support/temp_dir.h"

namespace tests {

using server::source::SyntheticSource;
using server::wal::Lsn;
using server::wal::SegmentNo;

namespace {

constexpr std::uint64_t kMb = 1 << 20;

struct SyntheticTest : ::testing::Test {
  SyntheticTest() { holds.add(slot); }
  SyntheticSource::Options options(std::uint64_t bytes_per_second, std::uint64_t keep = 1 << 30) {
    return {.directory = spool.path(),
            .bytes_per_second = bytes_per_second,
            .retention = {.wal_keep_bytes = keep, .holds = &holds},
            .segment_size = server::wal::SegmentSize(1 << 20),
            .records = {}};
  }
  // Runs a source until its WAL reaches `bytes` beyond where it began. Returns the end that was
  // seen.
  Lsn run(const SyntheticSource::Options& with, std::uint64_t bytes) {
    TailFollower follower;
    SyntheticSource source(with, clock);
    EXPECT_TRUE(source.open().has_value());
    server::wal::FaultLog faults(source.identity());
    EXPECT_TRUE(source.start(follower.tail, faults, follower).has_value());
    const Lsn begin = follower.tail.position();
    started = clock.now();
    EXPECT_TRUE(follower.wait_for(begin + bytes));
    stopped = clock.now();
    source.stop();
    return follower.end();
  }
  bool exists(std::uint64_t no) const {
    return std::filesystem::exists(spool.file(server::wal::segment_name(
        server::wal::TimelineId{1}, SegmentNo{no}, server::wal::SegmentSize(1 << 20))));
  }

  TempDir spool;
  runtime::SystemClock clock;
  server::wal::Holds holds{clock};
  FakeHolder slot;
  runtime::Instant started;
  runtime::Instant stopped;
};

TEST_F(SyntheticTest, WalComesNoFasterThanItsRate) {
  run(options(8 * kMb), 2 * kMb);
  // What is due is rounded up to whole records, and begun a moment before the clock was read.
  EXPECT_GE(stopped - started, std::chrono::milliseconds(200));
}

TEST_F(SyntheticTest, WhatItWritesIsValidToItsEnd) {
  const Lsn seen = run(options(64 * kMb), 5 * kMb);
  const auto inventory = server::wal::take_inventory(spool.path());
  ASSERT_TRUE(inventory.has_value());
  const auto end = server::wal::find_end_of_wal(spool.path(), *inventory);
  ASSERT_TRUE(end.has_value());
  EXPECT_FALSE(end->stopped_by.has_value());
  EXPECT_GE(end->end, seen);
}

TEST_F(SyntheticTest, OldSegmentsAreUnlinkedAndSoManyBytesKept) {
  run(options(256 * kMb, 2 * kMb), 8 * kMb);
  const auto inventory = server::wal::take_inventory(spool.path());
  ASSERT_TRUE(inventory.has_value());
  const auto end = server::wal::find_end_of_wal(spool.path(), *inventory);
  ASSERT_TRUE(end.has_value());
  const std::uint64_t kept = end->end - server::wal::SegmentSize(kMb).start(inventory->oldest);
  EXPECT_GE(kept, 2 * kMb);
  EXPECT_LE(kept, 3 * kMb);
  EXPECT_FALSE(exists(1));
}

TEST_F(SyntheticTest, WhatASlotNeedsIsKeptToo) {
  auto with = options(256 * kMb, 2 * kMb);
  slot.required.store(Lsn(3 * kMb + 1));
  run(with, 8 * kMb);
  EXPECT_FALSE(exists(2));
  EXPECT_TRUE(exists(3));
}

TEST_F(SyntheticTest, ASlotBeyondTheLimitIsInvalidatedAndKeepsNothing) {
  slot.required.store(Lsn(3 * kMb + 1));
  auto with = options(256 * kMb, 2 * kMb);
  with.retention.slot_keep_bytes_max = 3 * kMb;
  slot.on_release = [&](Lsn oldest) {
    EXPECT_GE(oldest, Lsn(4 * kMb));
    slot.required.store(Lsn());
  };
  run(with, 8 * kMb);
  EXPECT_FALSE(exists(4));
}

TEST_F(SyntheticTest, AnOldSpoolGoesOnWhereItsWalEnds) {
  const Lsn first = run(options(64 * kMb), 2 * kMb);
  const auto before = server::wal::take_inventory(spool.path());
  const Lsn second = run(options(64 * kMb), 2 * kMb);
  EXPECT_GT(second, first + 2 * kMb - 1);
  const auto after = server::wal::take_inventory(spool.path());
  ASSERT_TRUE(before.has_value() && after.has_value());
  EXPECT_EQ(after->identity, before->identity) << "it is the same cluster's";
  EXPECT_EQ(after->oldest, SegmentNo{1});
}

TEST_F(SyntheticTest, EachNewSpoolIsAnotherCluster) {
  SyntheticSource one(options(0), clock);
  ASSERT_TRUE(one.open().has_value());
  TempDir elsewhere;
  auto other_options = options(0);
  other_options.directory = elsewhere.path();
  SyntheticSource other(other_options, clock);
  ASSERT_TRUE(other.open().has_value());
  EXPECT_NE(one.identity().system_identifier, other.identity().system_identifier);
}

}  // namespace

}  // namespace tests
