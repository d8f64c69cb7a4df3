#include "server/source/synthetic.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "server/wal/inventory.h"
#include "server/wal/names.h"
#include "server/wal/trace.h"
#include "tests/source/tail_follower.h"
#include "tests/support/fake_holder.h"
#include "tests/support/random_seed.h"
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
  // Where WAL has ended when the source was started: the first span is of what there was.
  static Lsn begin_of(TailFollower& follower) {
    EXPECT_TRUE(follower.wait_until([](const auto&) { return true; }));
    return follower.end();
  }
  // Runs a source until its WAL reaches `bytes` beyond where it began. Returns the end that was
  // seen.
  Lsn run(const SyntheticSource::Options& with, std::uint64_t bytes) {
    TailFollower follower;
    SyntheticSource source(with, clock);
    EXPECT_TRUE(source.open().has_value());
    server::wal::FaultLog faults(source.identity());
    EXPECT_TRUE(source.start(follower.tail, faults, follower).has_value());
    const Lsn begin = begin_of(follower);
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

// One record holds a whole message here, so a span ends where a message does.
struct TraceReplayedTest : SyntheticTest {
  static constexpr std::uint32_t kMessageBytesMax = 8000;

  TraceReplayedTest() {
    std::mt19937_64 random(random_seed());
    auto writer = server::wal::TraceWriter::create(file, {});
    EXPECT_TRUE(writer.has_value());
    runtime::Duration at{};
    for (int i = 0; i < 200; ++i) {
      at += std::chrono::microseconds(random() % 1000);
      messages.push_back({at, random() % kMessageBytesMax});
      bytes += messages.back().bytes;
      EXPECT_TRUE((*writer)->add(messages.back()).has_value());
    }
    EXPECT_TRUE((*writer)->finish(at + std::chrono::milliseconds(1)).has_value());
  }
  SyntheticSource::Options replay(double speed, bool loops) {
    auto made = options(0);
    made.trace = {.file = file, .speed = speed, .loops = loops};
    made.records = {.record_bytes_min = kMessageBytesMax, .record_bytes_max = kMessageBytesMax};
    return made;
  }

  TempDir traces;
  const std::string file = traces.file("trace");
  std::vector<server::wal::TraceMessage> messages;
  std::uint64_t bytes = 0;
};

TEST_F(TraceReplayedTest, EachMessageComesWithItsBytesAndNotBeforeItsTime) {
  constexpr std::uint64_t kShort = server::wal::Generator::kShortOfTargetMax;
  const auto with = replay(/*speed=*/2, /*loops=*/false);
  TailFollower follower;
  SyntheticSource source(with, clock);
  ASSERT_TRUE(source.open().has_value());
  server::wal::FaultLog faults(source.identity());
  const auto begun = clock.now();
  ASSERT_TRUE(source.start(follower.tail, faults, follower).has_value());
  const Lsn begin = begin_of(follower);
  ASSERT_TRUE(follower.wait_for(begin + bytes - kShort));
  source.stop();

  auto message = messages.begin();
  std::uint64_t due_bytes = 0;
  for (const server::wal::WalSpan& span : follower.spans) {
    if (span.end <= begin) continue;
    const std::uint64_t come = span.end - begin;
    while (message != messages.end() && due_bytes < come) due_bytes += message++->bytes;
    ASSERT_GE(due_bytes, come);
    ASSERT_LT(due_bytes - come, kShort) << "a span ends where a message does";
    EXPECT_GE(span.published, begun + std::prev(message)->at / 2);
  }
  EXPECT_LE(follower.end() - begin, bytes);
}

TEST_F(TraceReplayedTest, WithALoopItGoesOnBehindItsEnd) {
  run(replay(/*speed=*/100, /*loops=*/true), 3 * bytes);
}

TEST_F(TraceReplayedTest, AMessageLongerThanWhatIsKeptComesInParts) {
  auto writer = server::wal::TraceWriter::create(file, {});
  ASSERT_TRUE(writer.has_value());
  ASSERT_TRUE((*writer)->add({std::chrono::microseconds(1), 20 * kMb}).has_value());
  ASSERT_TRUE((*writer)->finish({}).has_value());
  auto with = replay(/*speed=*/1, /*loops=*/false);
  with.retention.wal_keep_bytes = 2 * kMb;
  run(with, 20 * kMb - server::wal::Generator::kShortOfTargetMax);
}

TEST_F(TraceReplayedTest, AFileThatIsNoTraceIsRefusedBeforeTheSpoolIsMade) {
  std::ofstream(file, std::ios::trunc) << "no trace";
  SyntheticSource source(replay(1, true), clock);
  const auto opened = source.open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().kind, &server::wal::kInvalidTrace);
  EXPECT_TRUE(std::filesystem::is_empty(spool.path()));
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
