#include "server/wal/names.h"

#include <gtest/gtest.h>

namespace server::wal {
namespace {

using Kind = FileName::Kind;

constexpr SegmentSize k16MB(16u << 20);

TEST(NamesTest, SegmentNamesCountWithin4GB) {
  EXPECT_EQ(segment_name(TimelineId{1}, SegmentNo{3}, k16MB), "000000010000000000000003");
  EXPECT_EQ(segment_name(TimelineId{1}, SegmentNo{0xFF}, k16MB), "0000000100000000000000FF");
  EXPECT_EQ(segment_name(TimelineId{1}, SegmentNo{0x100}, k16MB), "000000010000000100000000");
  EXPECT_EQ(segment_name(TimelineId{0xAB}, SegmentNo{0x1003}, SegmentSize(1u << 20)),
            "000000AB0000000100000003");
  EXPECT_EQ(segment_name(TimelineId{1}, SegmentNo{7}, SegmentSize(1u << 30)),
            "000000010000000100000003");
}

TEST(NamesTest, HistoryNamesAreTheTimeline) {
  EXPECT_EQ(history_name(TimelineId{0x1F}), "0000001F.history");
}

TEST(NamesTest, ParsingGivesBackWhatWasNamed) {
  for (const std::uint32_t size_mb : {1u, 16u, 64u, 1024u}) {
    const SegmentSize size(size_mb << 20);
    for (const std::uint64_t no : {1ull, 2ull, 255ull, 256ull, 4096ull, 123456ull}) {
      const auto name = parse_file_name(segment_name(TimelineId{2}, SegmentNo{no}, size));
      ASSERT_TRUE(name);
      EXPECT_EQ(name->kind, Kind::kSegment);
      EXPECT_EQ(name->timeline, TimelineId{2});
      EXPECT_EQ(name->segment(size), SegmentNo{no});
    }
  }
}

TEST(NamesTest, KindsAreToldApart) {
  EXPECT_EQ(parse_file_name("000000010000000000000003.partial"),
            (FileName{Kind::kPartial, TimelineId{1}, 0, 3}));
  EXPECT_EQ(parse_file_name("0000000A.history"), (FileName{Kind::kHistory, TimelineId{10}, 0, 0}));
}

TEST(NamesTest, ASegmentBeyondIts4GBIsNone) {
  const auto name = parse_file_name("000000010000000000000100");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->segment(k16MB), std::nullopt);
  EXPECT_EQ(name->segment(SegmentSize(1u << 20)), SegmentNo{0x100});
}

TEST(NamesTest, EverythingElseInTheDirectoryIsNoName) {
  for (const std::string_view other : {"",
                                       ".",
                                       "..",
                                       "archive_status",
                                       "xlogtemp.4711",
                                       "00000001000000000000000",
                                       "00000002",
                                       "0000000100000000000000030",
                                       "00000001000000000000000a",
                                       "0000000100000000000000 3",
                                       "+00000010000000000000003",
                                       "000000010000000000000003.gz",
                                       "000000000000000000000003",
                                       "000000010000000000000003.00000028.backup",
                                       "000000010000000000000003.partial.gz",
                                       "000000010000000000000003.PARTIAL",
                                       "0000000a.history",
                                       "00000000.history",
                                       "0000002.history",
                                       "000000002.history",
                                       "00000002.history.tmp"}) {
    EXPECT_EQ(parse_file_name(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace server::wal
