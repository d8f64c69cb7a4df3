#include "server/wal/lsn.h"

#include <gtest/gtest.h>

namespace server::wal {
namespace {

TEST(LsnTest, PrintsAsPostgresDoes) {
  EXPECT_EQ(to_string(Lsn()), "0/0");
  EXPECT_EQ(to_string(Lsn(0x16B374D848)), "16/B374D848");
  EXPECT_EQ(to_string(Lsn(~0ull)), "FFFFFFFF/FFFFFFFF");
  EXPECT_EQ(runtime::format("{}", Lsn(0x3029E28)), "0/3029E28");
}

TEST(LsnTest, ParsesWhatItPrints) {
  for (const std::uint64_t value : {0ull, 1ull, 0x3029E28ull, 0x16B374D848ull, ~0ull}) {
    EXPECT_EQ(parse_lsn(to_string(Lsn(value))), Lsn(value));
  }
  EXPECT_EQ(parse_lsn("ab/cdef"), Lsn(0xAB0000CDEF));
  EXPECT_EQ(parse_lsn("00000001/00000002"), Lsn(0x100000002));
}

TEST(LsnTest, ParsesNothingElse) {
  for (const std::string_view text :
       {"", "/", "1", "1/", "/1", "1/2/3", "g/1", "1/g", " 1/2", "1/2 ", "-1/2", "+1/2", "0x1/2",
        "123456789/1", "1/123456789"}) {
    EXPECT_EQ(parse_lsn(text), std::nullopt) << text;
  }
}

TEST(LsnTest, KnowsItsPage) {
  const Lsn lsn(3 * 8192 + 17);
  EXPECT_EQ(lsn.page_start(), Lsn(3 * 8192));
  EXPECT_EQ(lsn.page_offset(), 17u);
  EXPECT_EQ(lsn.aligned(), Lsn(3 * 8192 + 24));
  EXPECT_EQ(lsn.aligned().aligned(), lsn.aligned());
  EXPECT_FALSE(Lsn().valid());
  EXPECT_LT(Lsn(), lsn);
}

TEST(SegmentSizeTest, IsAPowerOfTwoFrom1MBTo1GB) {
  for (std::uint64_t bytes = 1u << 20; bytes <= 1u << 30; bytes <<= 1) {
    EXPECT_TRUE(SegmentSize::is_valid(bytes)) << bytes;
  }
  for (const std::uint64_t bytes :
       {0ull, 1ull, 1ull << 19, 1ull << 31, (1ull << 20) + 1, 3ull << 20, 1ull << 32}) {
    EXPECT_FALSE(SegmentSize::is_valid(bytes)) << bytes;
  }
}

TEST(SegmentSizeTest, ABoundaryBelongsToTheSegmentThatStartsThere) {
  const SegmentSize size(1u << 20);
  const Lsn boundary = size.start(SegmentNo{5});
  EXPECT_EQ(size.segment_of(boundary), SegmentNo{5});
  EXPECT_EQ(size.segment_of(boundary - 1), SegmentNo{4});
  EXPECT_EQ(size.end(SegmentNo{4}), boundary);
  EXPECT_EQ(size.offset(boundary), 0u);
  EXPECT_EQ(size.offset(boundary - 1), size.bytes() - 1);
}

}  // namespace
}  // namespace server::wal
