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
    auto opened = server::wal::Segment::open(path(1), server::wal::TimelineId{1}, segment(1),
                                             identity.segment_size);
    CHECK(opened.has_value());
    file = *opened;
  }
  // What the buffer says of a range, which must be what the file has.
  const std::byte* read(Lsn from, Lsn to) {
    const auto bytes = buffer.read(*file, from, to);
    EXPECT_TRUE(bytes.has_value());
    if (!bytes.has_value()) return nullptr;
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()),
              wal(from, to));
    EXPECT_TRUE(buffer.has(from, to));
    return bytes->data();
  }

  server::wal::SegmentRef file;
  TailBuffer buffer;
};

TEST_F(TailBufferTest, WhatIsThereIsNotReadAgain) {
  const Lsn from = begin() + 1000;
  EXPECT_FALSE(buffer.has(from, from + 1));
  const std::byte* first = read(from, from + 5000);
  EXPECT_EQ(read(from + 100, from + 9000), first + 100) << "only what was not there yet is read";
  EXPECT_EQ(read(from, from + 9000), first);
  EXPECT_FALSE(buffer.has(from, from + 9001));
  EXPECT_FALSE(buffer.has(from - 1, from + 9000));
}

TEST_F(TailBufferTest, ACommitFollowsTheOneBeforeInTheBuffer) {
  const std::byte* first = read(begin(), begin() + 300);
  EXPECT_EQ(read(begin() + 300, begin() + 700), first + 300);
  EXPECT_TRUE(buffer.has(begin(), begin() + 700));
}

TEST_F(TailBufferTest, WhatLiesBeforeOrApartBeginsAnew) {
  read(begin() + 1000, begin() + 6000);
  read(begin() + 950, begin() + 1050);
  EXPECT_FALSE(buffer.has(begin() + 950, begin() + 1051));
  read(begin() + 2000, begin() + 2100);
  EXPECT_FALSE(buffer.has(begin() + 950, begin() + 1050));
}

TEST_F(TailBufferTest, WhatDoesNotFitBehindBeginsAnew) {
  read(begin(), begin() + kChunkBytesMax);
  read(begin() + kChunkBytesMax, begin() + 2 * kChunkBytesMax);
  EXPECT_TRUE(buffer.has(begin(), begin() + 2 * kChunkBytesMax));
  read(begin() + 2 * kChunkBytesMax, begin() + 2 * kChunkBytesMax + 1);
  EXPECT_FALSE(buffer.has(begin(), begin() + 1));
}

TEST_F(TailBufferTest, WhatWasClearedIsReadAgain) {
  read(begin(), begin() + 1000);
  directory.flip(begin() + 500);
  buffer.clear();
  EXPECT_FALSE(buffer.has(begin(), begin() + 1));
  read(begin(), begin() + 1000);
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
