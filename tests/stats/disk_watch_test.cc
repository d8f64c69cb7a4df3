#include "server/stats/disk_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "server/wal/names.h"
#include "tests/support/temp_dir.h"

namespace server::stats {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::Optional;
using wal::Lsn;
using wal::SegmentNo;

const wal::SegmentSize kSize(1 << 20);

struct DiskWatchTest : testing::Test {
  void add(std::uint64_t no) {
    std::ofstream(dir_.file(wal::segment_name(wal::TimelineId{1}, SegmentNo{no}, kSize))) << "x";
  }

  tests::TempDir dir_;
  runtime::FakeClock clock_;
  DiskWatch watch_{{.directory = dir_.path(), .segment_size = kSize, .grows = true}, clock_};
};

TEST_F(DiskWatchTest, AnEmptyDirectoryHasNoWal) {
  const SpoolStatus& found = watch_.look();
  EXPECT_FALSE(found.oldest.valid());
  EXPECT_FALSE(found.newest.valid());
  EXPECT_EQ(found.segments, 0u);
  EXPECT_GT(found.free_bytes, 0u);
  EXPECT_GE(found.size_bytes, found.free_bytes);
}

TEST_F(DiskWatchTest, CountsSegmentsAndFindsTheFirstAndTheLast) {
  for (const std::uint64_t no : {7, 5, 6}) add(no);
  std::ofstream(dir_.file("walcast.spool")) << "no segment";
  const SpoolStatus& found = watch_.look();
  EXPECT_EQ(found.segments, 3u);
  EXPECT_EQ(found.bytes, 3u << 20);
  EXPECT_EQ(found.oldest, Lsn(5 << 20));
  EXPECT_EQ(found.newest, Lsn(8 << 20));
}

TEST_F(DiskWatchTest, LooksOnceASecondUnlessItIsTold) {
  EXPECT_EQ(watch_.look().segments, 0u);
  add(1);
  EXPECT_EQ(watch_.look().segments, 0u);
  EXPECT_EQ(watch_.look_now().segments, 1u);
  add(2);
  clock_.advance(seconds(1));
  EXPECT_EQ(watch_.look().segments, 2u);
}

TEST_F(DiskWatchTest, WhatCannotBeReadStaysWhatItWas) {
  add(1);
  EXPECT_EQ(watch_.look().segments, 1u);
  std::filesystem::remove_all(dir_.path());
  EXPECT_EQ(watch_.look_now().segments, 1u);
}

TEST(TimeToFillTest, IsRoomByRate) {
  EXPECT_THAT(time_to_fill(36'000, 10), Optional(hours(1)));
  EXPECT_EQ(time_to_fill(36'000, 0), std::nullopt);
  EXPECT_THAT(time_to_fill(~std::uint64_t{0}, 0.001), Optional(hours(24 * 3650)));
}

}  // namespace
}  // namespace server::stats
