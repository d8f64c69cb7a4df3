#include "server/stream/tail_buffer.h"

#include <gtest/gtest.h>

#include <string>

#include "runtime/errors.h"
#include "server/wal/segments.h"
#include "tests/wal/growing_wal.h"

namespace tests {

using server::stream::kChunkBytesMax;
using server::stream::TailBuffer;
using server::wal::Lsn;

namespace {

struct TailBufferTest : ::testing::Test, GrowingWal {
  TailBufferTest() {
    grow(900'000);
    open();
  }
  void open() {
    auto opened = server::wal::Segment::open(path(1), server::wal::TimelineId{1}, segment(1),
                                             identity.segment_size);
    CHECK(opened.has_value());
    file = *opened;
  }
  // What the buffer says of a range, which must be what the file has.
  const std::byte* read(Lsn from, Lsn to, bool from_file) {
    const auto read = buffer.read(*file, from, to);
    EXPECT_TRUE(read.has_value());
    if (!read.has_value()) return nullptr;
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(read->bytes.data()), read->bytes.size()),
              wal(from, to));
    EXPECT_EQ(read->from_file, from_file) << to_string(from) << " to " << to_string(to);
    return read->bytes.data();
  }
  const std::byte* read(Lsn from, Lsn to) { return read(from, to, /*from_file=*/true); }
  const std::byte* find(Lsn from, Lsn to) { return read(from, to, /*from_file=*/false); }

  server::wal::SegmentRef file;
  TailBuffer buffer;
};

TEST_F(TailBufferTest, WhatIsThereIsNotReadAgain) {
  const Lsn from = begin() + 1000;
  const std::byte* first = read(from, from + 5000);
  EXPECT_EQ(read(from + 100, from + 9000), first + 100) << "only what was not there yet is read";
  EXPECT_EQ(find(from, from + 9000), first);
  EXPECT_EQ(read(from, from + 9001), first);
  read(from - 1, from + 9000);
}

TEST_F(TailBufferTest, ACommitFollowsTheOneBeforeInTheBuffer) {
  const std::byte* first = read(begin(), begin() + 300);
  EXPECT_EQ(read(begin() + 300, begin() + 700), first + 300);
  EXPECT_EQ(find(begin(), begin() + 700), first);
}

TEST_F(TailBufferTest, WhatLiesBeforeOrApartTakesThePlaceOfWhatWasUsedLongerAgo) {
  const std::byte* const there = read(begin() + 1000, begin() + 6000);
  read(begin() + 950, begin() + 1050);
  EXPECT_EQ(find(begin() + 2000, begin() + 2100), there + 1000);
  read(begin() + 8000, begin() + 8100);
  EXPECT_EQ(find(begin() + 1000, begin() + 6000), there);
  read(begin() + 950, begin() + 1050);
}

// A sender that hears that nothing was read does not look whether the file still has its name.
TEST_F(TailBufferTest, OfTwoStretchesThatOverlapTheOneThatHasItAllIsTaken) {
  const std::byte* const there = read(begin() + 1000, begin() + 6000);
  const std::byte* const before = read(begin() + 950, begin() + 1050);
  directory.flip(begin() + 1070);
  const auto bytes = buffer.read(*file, begin() + 1040, begin() + 1100);
  ASSERT_TRUE(bytes.has_value());
  EXPECT_FALSE(bytes->from_file);
  EXPECT_EQ(bytes->bytes.data(), there + 40) << "and not read on to in the one that was used last";
  EXPECT_EQ(find(begin() + 950, begin() + 1050), before);
}

TEST_F(TailBufferTest, AStandbyThatComesBehindFindsAllThatWasReadInATurn) {
  read(begin() + 700'000, begin() + 700'100);
  for (std::size_t at = 0; at < TailBuffer::kStretchBytes; at += kChunkBytesMax) {
    read(begin() + at, begin() + at + kChunkBytesMax);
  }
  const Lsn end = begin() + TailBuffer::kStretchBytes;
  const auto expect_all = [&] {
    for (Lsn at = begin(); at < end; at += kChunkBytesMax) find(at, at + kChunkBytesMax);
  };
  expect_all();
  read(end - 1, end + 1);
  expect_all();  // the first goes on
  read(begin() + 700'000, begin() + 700'100);
}

TEST_F(TailBufferTest, WhatWasClearedIsReadAgain) {
  read(begin(), begin() + 1000);
  directory.flip(begin() + 500);
  buffer.clear();
  read(begin(), begin() + 1000);
}

TEST_F(TailBufferTest, WhatOneFileHasIsNotTakenForAnothers) {
  read(begin(), begin() + 1000);
  const server::wal::SegmentRef earlier = file;
  directory.replace(segment(1));
  directory.flip(begin() + 500);
  open();
  ASSERT_NE(file->id(), earlier->id());
  read(begin(), begin() + 1000);
  read(begin() + 1000, begin() + 1100);
  file = earlier;
  EXPECT_FALSE(buffer.read(*file, begin() + 500, begin() + 501)->from_file) << "each has its own";
}

TEST_F(TailBufferTest, AFileThatIsTooShortIsAnErrorAndWhatItHasIsKept) {
  directory.truncate(begin() + 2000);
  const auto bytes = buffer.read(*file, begin() + 1000, begin() + 3000);
  ASSERT_FALSE(bytes.has_value());
  EXPECT_EQ(bytes.error().kind, &runtime::kDataCorrupted);
  EXPECT_EQ(bytes.error().what,
            "could not read from log segment 000000010000000000000001, offset 1000: read 1000 of "
            "2000");
  read(begin() + 1000, begin() + 2000);
}

}  // namespace

}  // namespace tests
