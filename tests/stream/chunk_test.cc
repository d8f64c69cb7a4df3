#include "server/stream/chunk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/support/random_seed.h"

namespace tests {

using server::stream::Chunk;
using server::stream::chunk_end;
using server::stream::kChunkBytesMax;
using server::wal::kPageBytes;
using server::wal::Lsn;

TEST(ChunkEndTest, WhatFitsIntoOneMessageGoesToTheLimit) {
  const Lsn begin(0x1000028);
  EXPECT_EQ(chunk_end(begin, begin + 8), begin + 8);
  EXPECT_EQ(chunk_end(begin, begin + kChunkBytesMax), begin + kChunkBytesMax);
}

// The first chunk after an unaligned start is shorter, and all others are whole.
TEST(ChunkEndTest, WhatDoesNotFitEndsAtAPage) {
  const Lsn begin(0x1000001);
  const Lsn limit = begin + 10 * kChunkBytesMax;
  EXPECT_EQ(chunk_end(begin, limit) - begin, kChunkBytesMax - 1);
  EXPECT_EQ(chunk_end(Lsn(0x1000000), limit) - Lsn(0x1000000), kChunkBytesMax);
}

TEST(ChunkEndTest, MessagesOfAnyRangeEndAtAPageOrAtTheLimit) {
  const auto seed = tests::random_seed();
  std::mt19937_64 random(seed);
  for (int i = 0; i < 10'000; ++i) {
    const Lsn limit(0x1000000 + random() % (1 << 22) * 8);
    Lsn at = limit - random() % (4 * kChunkBytesMax) - 1;
    int messages = 0;
    while (at < limit) {
      const Lsn end = chunk_end(at, limit);
      ASSERT_GT(end, at);
      ASSERT_LE(end, limit);
      ASSERT_LE(end - at, kChunkBytesMax);
      ASSERT_TRUE(end == limit || end.page_offset() == 0) << end.value();
      at = end;
      ++messages;
    }
    ASSERT_LE(messages, 5);
  }
}

TEST(ChunkTest, BytesAreTakenFromTheHeaderFirstAtEverySplit) {
  constexpr std::uint32_t kWal = 20;
  constexpr std::size_t kWhole = server::wire::kXLogDataHeaderBytes + kWal;
  const Lsn begin(0x1000000);
  for (std::size_t first = 0; first <= kWhole; ++first) {
    for (std::size_t second = 0; first + second <= kWhole; ++second) {
      Chunk chunk{.header = {}, .header_sent = 0, .at = begin, .end = begin + kWal};
      chunk.take(first);
      chunk.take(second);
      const std::size_t taken = first + second;
      const std::size_t of_header = std::min(taken, server::wire::kXLogDataHeaderBytes);
      ASSERT_EQ(chunk.header_sent, of_header);
      ASSERT_EQ(chunk.at, begin + (taken - of_header));
      ASSERT_EQ(chunk.wal_left(), kWal - (taken - of_header));
      ASSERT_EQ(chunk.active(), taken < kWhole);
    }
  }
}

}  // namespace tests
