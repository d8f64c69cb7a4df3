#include "server/wal/timeline.h"

#include <gtest/gtest.h>

namespace server::wal {
namespace {

constexpr SegmentSize k1MB(1u << 20);

constexpr TimelineId tli(std::uint32_t n) { return TimelineId{n}; }

TimelineHistory parsed(std::uint32_t tip, std::string_view text) {
  auto history = TimelineHistory::parse(tli(tip), text);
  CHECK(history.has_value());
  return std::move(history).value();
}

runtime::Error refused(std::uint32_t tip, std::string_view text) {
  auto history = TimelineHistory::parse(tli(tip), text);
  CHECK(!history.has_value());
  return history.error();
}

TEST(TimelineTest, ATimelineWithoutParentsOwnsEverything) {
  const TimelineHistory history(tli(3));
  EXPECT_EQ(history.tip(), tli(3));
  EXPECT_TRUE(history.contains(tli(3)));
  EXPECT_FALSE(history.contains(tli(1)));
  EXPECT_EQ(history.switch_point(tli(3)), std::nullopt);
  EXPECT_EQ(history.next(tli(3)), std::nullopt);
  EXPECT_EQ(history.begin(tli(3)), Lsn());
  EXPECT_EQ(history.owner(Lsn(1)), tli(3));
  EXPECT_EQ(history.text(), "");
}

TEST(TimelineTest, ReadsWhatPostgresWrites) {
  const std::string text =
      "1\t0/3029D08\tno recovery target specified\n\n2\t0/50000A0\tbefore 2026-01-01\n";
  const TimelineHistory history = parsed(4, text);
  EXPECT_EQ(history.tip(), tli(4));
  EXPECT_TRUE(history.contains(tli(1)) && history.contains(tli(2)) && history.contains(tli(4)));
  EXPECT_FALSE(history.contains(tli(3)));
  EXPECT_EQ(history.switch_point(tli(1)), Lsn(0x3029D08));
  EXPECT_EQ(history.switch_point(tli(2)), Lsn(0x50000A0));
  EXPECT_EQ(history.switch_point(tli(4)), std::nullopt);
  EXPECT_EQ(history.next(tli(1)), tli(2));
  EXPECT_EQ(history.next(tli(2)), tli(4));
  EXPECT_EQ(history.begin(tli(1)), Lsn());
  EXPECT_EQ(history.begin(tli(4)), Lsn(0x50000A0));
  EXPECT_EQ(history.text(), text);
}

TEST(TimelineTest, TheSwitchPointIsTheChildsFirstByte) {
  const TimelineHistory history = parsed(2, "1\t0/3029D08\t\n");
  EXPECT_EQ(history.owner(Lsn(0x3029D07)), tli(1));
  EXPECT_EQ(history.owner(Lsn(0x3029D08)), tli(2));
}

TEST(TimelineTest, CommentsAndBlankLinesAreSkippedAndTheReasonIsOptional) {
  const TimelineHistory history =
      parsed(3, "# 7 0/1\n \t\n\r\n  1 1/A\n#\n2\t00000001/0000000B\r\n# end");
  EXPECT_EQ(history.switch_point(tli(1)), Lsn(0x10000000A));
  EXPECT_EQ(history.switch_point(tli(2)), Lsn(0x10000000B));
}

TEST(TimelineTest, AnEmptyFileNamesNoParents) {
  EXPECT_EQ(parsed(5, "").owner(Lsn(1)), tli(5));
  EXPECT_EQ(parsed(5, "\n# nothing\n").owner(Lsn(1)), tli(5));
}

TEST(TimelineTest, RefusesWhatPostgresRefusesInItsWords) {
  const auto no_number = refused(2, "one\t0/1\n");
  EXPECT_EQ(no_number.what, "syntax error in history file: one\t0/1");
  EXPECT_EQ(no_number.hint, "Expected a numeric timeline ID.");
  for (const std::string_view line :
       {"1", "1\t", "1\t0", "1\t0/", "1\t/1", "1\tx/1", "1\t0/x", "1\t123456789/0", "1.5\t0/1"}) {
    const auto error = refused(2, line);
    EXPECT_EQ(error.what, "syntax error in history file: " + std::string(line));
    EXPECT_EQ(error.hint, "Expected a write-ahead log switchpoint location.") << line;
  }
  for (const std::string_view text : {"1\t0/1\n1\t0/2\n", "2\t0/1\n1\t0/2\n", "0\t0/1\n"}) {
    const auto error = refused(9, text);
    EXPECT_TRUE(error.what.starts_with("invalid data in history file: ")) << text;
    EXPECT_EQ(error.hint, "Timeline IDs must be in increasing sequence.");
  }
  const auto too_new = refused(2, "1\t0/1\n2\t0/2\n");
  EXPECT_EQ(too_new.what, "invalid data in history file \"00000002.history\"");
  EXPECT_EQ(too_new.hint, "Timeline IDs must be less than child timeline's ID.");
  EXPECT_EQ(too_new.kind, &kBadHistory);
  EXPECT_EQ(refused(2, "4294967296\t0/1\n").hint, "Expected a numeric timeline ID.");
}

TEST(TimelineTest, TheForkedSegmentIsReadFromTheChildsFile) {
  const TimelineHistory history = parsed(2, "1\t0/380100\t\n");  // in segment 3
  EXPECT_EQ(history.file_timeline(SegmentNo{2}, k1MB, tli(1)), tli(1));
  EXPECT_EQ(history.file_timeline(SegmentNo{3}, k1MB, tli(1)), tli(2));
  EXPECT_EQ(history.file_timeline(SegmentNo{3}, k1MB, tli(2)), tli(2));
  EXPECT_EQ(history.file_timeline(SegmentNo{2}, k1MB), tli(1));
  EXPECT_EQ(history.file_timeline(SegmentNo{3}, k1MB), tli(2));
  EXPECT_EQ(history.file_timeline(SegmentNo{4}, k1MB), tli(2));
}

TEST(TimelineTest, AForkAtASegmentBoundaryLeavesTheParentsFileItsOwn) {
  const TimelineHistory history = parsed(2, "1\t0/300000\t\n");
  EXPECT_EQ(history.file_timeline(SegmentNo{2}, k1MB, tli(1)), tli(1));
  EXPECT_EQ(history.file_timeline(SegmentNo{3}, k1MB, tli(1)), tli(2));
  EXPECT_EQ(history.file_timeline(SegmentNo{2}, k1MB), tli(1));
  EXPECT_EQ(history.file_timeline(SegmentNo{3}, k1MB), tli(2));
}

TEST(TimelineTest, TwoForksInOneSegmentLeadToTheGrandchildsFile) {
  const TimelineHistory history = parsed(3, "1\t0/380100\t\n2\t0/390000\t\n");
  EXPECT_EQ(history.file_timeline(SegmentNo{3}, k1MB, tli(1)), tli(3));
  EXPECT_EQ(history.file_timeline(SegmentNo{3}, k1MB, tli(2)), tli(3));
  const TimelineHistory apart = parsed(3, "1\t0/380100\t\n2\t0/400000\t\n");
  EXPECT_EQ(apart.file_timeline(SegmentNo{3}, k1MB, tli(1)), tli(2));
}

// Recovery on timeline 2 that stops before 2 began makes 3 fork below its parent's own fork.
TEST(TimelineTest, AnEmptyTimelineOwnsNothing) {
  const TimelineHistory history = parsed(3, "1\t0/380100\t\n2\t0/370000\t\n");
  EXPECT_EQ(history.owner(Lsn(0x36FFFF)), tli(1));
  EXPECT_EQ(history.owner(Lsn(0x370000)), tli(3));
  EXPECT_EQ(history.owner(Lsn(0x380100)), tli(3));
}

// What PostgreSQL 15 has written after two promotions.
TEST(TimelineTest, AnAncestorsFileIsTheBeginOfItsDescendants) {
  const std::string second = "1\t0/3000060\tno recovery target specified\n";
  const std::string third = second + "\n2\t0/5000110\tno recovery target specified\n";
  const TimelineHistory history = parsed(4, third + "\n3\t0/7000000\tx\n");
  EXPECT_EQ(history.text_of(tli(1)), std::nullopt);
  EXPECT_EQ(history.text_of(tli(2)), second);
  EXPECT_EQ(history.text_of(tli(3)), third);
  EXPECT_EQ(history.text_of(tli(4)), history.text());
  EXPECT_EQ(TimelineHistory(tli(4)).text_of(tli(4)), std::nullopt);
  EXPECT_EQ(parsed(3, "# 2\n1\t0/10\n2 0/20\n").text_of(tli(2)), "# 2\n1\t0/10\n");
}

}  // namespace
}  // namespace server::wal
