#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "runtime/clock.h"
#include "server/wal/names.h"
#include "server/wal/writer.h"
#include "tests/support/disk_calls.h"
#include "tests/support/fake_holder.h"
#include "tests/support/logged.h"
#include "tests/support/wal_directory.h"
#include "tests/wal/samples.h"

// A spool on a file system that has little room: what goes for new WAL, and what does not.

namespace server::wal {
namespace {

using tests::filling;

constexpr TimelineId kFirst{1};
constexpr std::uint64_t kMb = 1 << 20;

class WriterRoomTest : public testing::Test {
 protected:
  void start() {
    options.free_bytes = [this](const std::string&) -> runtime::Result<std::uint64_t> {
      const Lsn end = writer->end();
      if (!room_comes_late || std::exchange(looked_at, end) != end) looked_like = present();
      return free_for(looked_like);
    };
    slots.on_settle = [this] {
      slots.required.store(std::max(slots.required.load(), required_by_now));
    };
    slots.on_release = [this](Lsn) { slots.required.store(Lsn()); };
    holds.add(slots);
    tail.adopt({TimelineHistory(kFirst), {}});
    writer.emplace(options, clock, tail, doorbell);
    ASSERT_TRUE(writer->start_empty(identity.segment_size.start(SegmentNo{1})));
  }
  // As much as a disk of so many segments leaves.
  std::uint64_t free_for(std::uint64_t segments) const {
    return disk_segments > segments ? (disk_segments - segments) * kMb : 0;
  }
  std::uint64_t present() const {
    std::uint64_t count = 0;
    for (std::uint64_t no = 0; no < 32; ++no) count += exists(no) ? 1 : 0;
    return count;
  }
  bool exists(std::uint64_t no) const {
    return std::filesystem::exists(directory.path() + "/" +
                                   segment_name(kFirst, SegmentNo{no}, identity.segment_size));
  }
  // Writes until the WAL ends within this segment. Makes all durable but the last piece.
  runtime::Result<void> grow_into(std::uint64_t segment, bool flush = true) {
    while (writer->end() < identity.segment_size.start(SegmentNo{segment}) + 1) {
      if (builder.bytes().empty()) builder.append_noop(filling(8000));
      TRY(writer->write(builder.bytes().subspan(writer->end() - builder.begin())));
      builder.clear();
      if (flush) wait_for_flush();
    }
    return {};
  }
  void wait_for_flush() {
    while (writer->flushed() < writer->end()) {
      writer->request_flush();
      pollfd rung{.fd = doorbell.fd(), .events = POLLIN, .revents = 0};
      if (doorbell.prepare_to_sleep()) {
        ASSERT_EQ(::poll(&rung, 1, /*timeout_ms=*/10'000), 1);
      }
      doorbell.awake();
    }
  }

  Identity identity = tests::identity_of(1);
  tests::WalDirectory directory{kFirst, identity.segment_size};
  WalBuilder builder = tests::builder_of(identity);
  runtime::SystemClock clock;
  runtime::Doorbell doorbell;
  WalTail tail;
  std::uint64_t disk_segments = 8;
  bool room_comes_late = false;  // until more is written
  Lsn looked_at;
  std::uint64_t looked_like = 0;
  Holds holds{clock};
  tests::FakeHolder slots;
  Lsn required_by_now;  // of slots that have not said so yet
  Writer::Options options{.directory = directory.path(),
                          .identity = identity,
                          .retention = {.wal_keep_bytes = std::uint64_t{1} << 30, .holds = &holds},
                          .free_bytes_min = 3 * kMb};
  std::optional<Writer> writer;
};

TEST_F(WriterRoomTest, OldWalGoesAsSoonAsTheFloorIsReachedAndWritingGoesOn) {
  start();
  const std::string log = tests::logged([&] { EXPECT_TRUE(grow_into(16)); });
  EXPECT_EQ(present(), 5u) << "which leave 3 MB";
  EXPECT_FALSE(exists(11));
  EXPECT_TRUE(exists(12));
  EXPECT_EQ(tests::count_of(log, "for want of space"), 1u) << "once, and not for each segment";
  EXPECT_EQ(tests::count_of(log, "removing WAL before 0/200000"), 1u) << log;
}

// As where a removed segment is still open somewhere, or the file system frees it in its own time.
TEST_F(WriterRoomTest, NoMoreGoesThanIsWantedWhereRoomComesLate) {
  room_comes_late = true;
  start();
  EXPECT_TRUE(grow_into(16));
  EXPECT_EQ(present(), 5u);
}

TEST_F(WriterRoomTest, TheSegmentsOfARecordThatIsNotWholeStay) {
  options.retention.wal_keep_bytes = 0;
  start();
  EXPECT_TRUE(grow_into(2));
  builder.append_noop(filling(3'500'000));
  const auto write_pages = [&]() -> runtime::Result<void> {
    while (writer->end() < builder.end()) {
      const Lsn page_end = writer->end().page_start() + 16 * kPageBytes;
      const auto rest = builder.bytes().subspan(writer->end() - builder.begin());
      TRY(writer->write(rest.first(std::min<std::size_t>(rest.size(), page_end - writer->end()))));
      wait_for_flush();
    }
    return {};
  };
  disk_segments = 4;
  const auto written = write_pages();
  ASSERT_FALSE(written.has_value()) << "the floor asks for all old WAL";
  EXPECT_TRUE(runtime::is_full_disk(written.error()));
  EXPECT_TRUE(exists(2)) << "where the record begins";
  disk_segments = 16;
  EXPECT_TRUE(write_pages());
  EXPECT_EQ(writer->proven(), builder.end());
}

TEST_F(WriterRoomTest, ItIsSaidAgainOnceTheSpoolHadWhatWalKeepSizeAsksFor) {
  options.retention.wal_keep_bytes = 6 * kMb;
  start();
  const std::string log = tests::logged([&] {
    EXPECT_TRUE(grow_into(10));
    disk_segments = 32;
    EXPECT_TRUE(grow_into(20));
    disk_segments = 8;
    EXPECT_TRUE(grow_into(24));
  });
  EXPECT_EQ(tests::count_of(log, "for want of space"), 2u) << log;
}

TEST_F(WriterRoomTest, WhatASlotNeedsStaysAndTheDiskIsFull) {
  start();
  slots.required.store(identity.segment_size.start(SegmentNo{3}) + 1);
  const auto grown = grow_into(16);
  ASSERT_FALSE(grown.has_value());
  EXPECT_TRUE(runtime::is_full_disk(grown.error()));
  EXPECT_EQ(grown.error().sys_errno, ENOSPC);
  EXPECT_NE(grown.error().what.find("min_free_space"), std::string::npos) << grown.error().what;
  EXPECT_NE(grown.error().what.find("No space left on device"), std::string::npos);
  EXPECT_FALSE(exists(2));
  EXPECT_TRUE(exists(3));
  slots.required.store(identity.segment_size.start(SegmentNo{6}));
  EXPECT_TRUE(grow_into(10)) << "what a slot gives up makes room for the same WAL";
  EXPECT_FALSE(exists(5));
}

TEST_F(WriterRoomTest, SlotsAreAskedHowFarTheyAreByNow) {
  start();
  slots.required.store(identity.segment_size.start(SegmentNo{3}));
  required_by_now = identity.segment_size.start(SegmentNo{9});
  EXPECT_TRUE(grow_into(12));
  EXPECT_FALSE(exists(6));
  EXPECT_EQ(slots.required.load(), required_by_now);
}

TEST_F(WriterRoomTest, ASlotBeyondItsLimitIsInvalidatedBeforeTheDiskIsFull) {
  options.retention.wal_keep_bytes = 0;
  options.retention.slot_keep_bytes_max = 5 * kMb;
  disk_segments = 9;
  start();
  slots.required.store(identity.segment_size.start(SegmentNo{1}));
  EXPECT_TRUE(grow_into(6));
  EXPECT_TRUE(exists(1));
  disk_segments = 0;
  EXPECT_FALSE(grow_into(7)) << "which is where the slot is beyond its limit";
  EXPECT_FALSE(slots.required.load().valid());
  EXPECT_FALSE(exists(1));
  disk_segments = 8;
  EXPECT_TRUE(grow_into(7));
}

TEST_F(WriterRoomTest, TheSegmentBeforeTheCurrentOneStays) {
  disk_segments = 0;
  options.free_bytes_min = 1;
  start();
  EXPECT_FALSE(grow_into(1)) << "there is no room for the first";
  disk_segments = 3;  // one is free, until the third is there
  EXPECT_TRUE(grow_into(3));
  disk_segments = 1;
  EXPECT_FALSE(grow_into(4)) << "3 stays, however little is free";
  EXPECT_FALSE(exists(2));
  EXPECT_TRUE(exists(3));
}

// The zeros that come in its place take room where the file system does not write in place.
TEST_F(WriterRoomTest, OldWalGoesForRoomToTakeBackWhatWasWritten) {
  start();
  ASSERT_TRUE(grow_into(4));
  const Lsn from = writer->proven();
  builder.append_noop(filling(20'000));
  ASSERT_TRUE(writer->write(builder.bytes().first(9000)));
  ASSERT_GT(writer->end(), from);
  ASSERT_TRUE(exists(1));
  bool went = false;
  const tests::DiskHook hook(directory.path(), [&](const tests::DiskCall& call) {
    went = went || call.name == "unlink";
    return call.name == "fallocate" && !went ? ENOSPC : 0;
  });
  ASSERT_TRUE(writer->take_back(from));
  EXPECT_FALSE(exists(1));
  EXPECT_TRUE(exists(2)) << "one is enough";
  EXPECT_EQ(writer->end(), from);
  ASSERT_TRUE(writer->write(builder.bytes()));
  EXPECT_EQ(writer->proven(), builder.end());
}

// The current one has room of its own, unless the file system has lied.
TEST_F(WriterRoomTest, TheSegmentBeforeTheCurrentOneStaysWithinThatToo) {
  start();
  ASSERT_TRUE(grow_into(2));
  builder.append_noop(filling(8000));
  const tests::DiskHook hook(directory.path(), [](const tests::DiskCall& call) {
    return call.name == "pwrite" ? ENOSPC : 0;
  });
  EXPECT_FALSE(writer->write(builder.bytes()));
  EXPECT_TRUE(exists(1));
}

TEST_F(WriterRoomTest, WhatIsNotDurableStays) {
  start();
  EXPECT_TRUE(grow_into(2));
  EXPECT_FALSE(grow_into(16, /*flush=*/false));
  EXPECT_FALSE(exists(1));
  EXPECT_TRUE(exists(2));
}

TEST_F(WriterRoomTest, WithoutAFloorNothingGoes) {
  options.free_bytes_min = 0;
  disk_segments = 0;
  start();
  EXPECT_TRUE(grow_into(8));
  EXPECT_TRUE(exists(1));
}

}  // namespace
}  // namespace server::wal
