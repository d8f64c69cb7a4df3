// Directories with several timelines.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/verify/verify_rig.h"

namespace server::verify {
namespace {

namespace fs = std::filesystem;
using wal::Lsn;

// Timeline 2 forks from 1 within segment 3; both go on.
struct VerifyTimelineTest : testing::Test, tests::VerifyRig {
  VerifyTimelineTest() {
    grow(2'300'000);
    fork = end();
    const Lsn previous = builder.previous_record();
    write_timeline(2, child(2, fork, previous));
    write_history(2, "1\t" + to_string(fork) + "\tno reason\n");
    grow(1'000'000);
    child_end = child(2, fork, previous).end();
  }
  void write_history(std::uint32_t timeline, const std::string& text) const {
    std::ofstream(directory.path() + "/" + wal::history_name(wal::TimelineId{timeline})) << text;
  }
  tests::Verified verify_timeline(std::uint32_t timeline) const {
    auto chosen = options();
    chosen.scope.timeline = wal::TimelineId{timeline};
    return tests::Verified(chosen);
  }

  Lsn fork;
  Lsn child_end;
};

TEST_F(VerifyTimelineTest, BothBranchesAreProven) {
  for (const std::uint64_t bytes : {kPieceBytes, std::uint64_t{wal::kPageBytes}}) {
    piece_bytes = bytes;
    const tests::Verified verified = verify();
    EXPECT_EQ(verified.status, 0) << verified.report;
    EXPECT_TRUE(verified.says("timeline 1: 0/100000 to " + to_string(end()))) << verified.report;
    EXPECT_TRUE(
        verified.says("timeline 2: " + to_string(segment_start(3)) + " to " + to_string(child_end)))
        << verified.report;
  }
}

TEST_F(VerifyTimelineTest, OneTimelineIsWhatARecoveryToItReads) {
  directory.flip(fork + 500'000);  // of timeline 1, behind the fork
  EXPECT_EQ(verify().status, 1);
  EXPECT_EQ(verify_timeline(1).status, 1);
  EXPECT_EQ(verify_timeline(2).status, 0) << verify_timeline(2).report;
  EXPECT_TRUE(verify_timeline(2).says("in 3 segments"));
  const tests::Verified none = verify_timeline(3);
  EXPECT_EQ(none.status, 2);
  EXPECT_TRUE(none.says("has no WAL of timeline 3"));
}

TEST_F(VerifyTimelineTest, TheParentsSegmentsAreTheChilds) {
  fs::remove(path(3));
  fs::remove(path(4));
  EXPECT_EQ(verify().status, 0) << verify().report;
  fs::remove(path(2));
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.faults(), 1u) << verified.report;
  EXPECT_TRUE(verified.has_fault(segment_start(2)));
  EXPECT_TRUE(verified.says("WAL segment " + name(2) + " is missing"));
}

TEST_F(VerifyTimelineTest, ALinkAcrossTheFilesOfTwoTimelinesIsChecked) {
  const auto& record = record_at(segment_start(3));
  directory.flip(record.begin + 40);
  const tests::Verified verified = verify_timeline(2);
  EXPECT_EQ(verified.status, 1);
  EXPECT_TRUE(verified.has_fault(record.begin)) << verified.report;
}

TEST_F(VerifyTimelineTest, AForkAmidARecordIsABreak) {
  write_history(2, "1\t" + to_string(fork + 16) + "\tno reason\n");
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 1);
  EXPECT_TRUE(verified.says("record across " + to_string(fork + 16) + ", where timeline 2 begins"))
      << verified.report;
}

TEST_F(VerifyTimelineTest, PagesOfTheWrongTimelineAreABreak) {
  write_history(2, "1\t" + to_string(fork - 100'000) + "\tno reason\n");
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 1);
  EXPECT_TRUE(verified.says("page of timeline 1, where the history says 2")) << verified.report;
}

TEST_F(VerifyTimelineTest, AFileFromBeforeItsTimelineIsABreak) {
  fs::copy_file(path(2), path(2, 2));
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 1);
  EXPECT_TRUE(verified.says("file of timeline 2, which begins no earlier than at "))
      << verified.report;
}

TEST_F(VerifyTimelineTest, ADamagedHistoryIsAFault) {
  write_history(2, "1\t" + to_string(fork));
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 1);
  EXPECT_TRUE(verified.says("history file \"00000002.history\" is of no use")) << verified.report;
  EXPECT_TRUE(verified.says("repair: Fetch 00000002.history again"));
}

TEST_F(VerifyTimelineTest, AMissingHistoryIsNoted) {
  fs::remove(directory.path() + "/00000002.history");
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 0) << verified.report;
  EXPECT_TRUE(verified.says("NOTE: no file 00000002.history")) << verified.report;
}

TEST_F(VerifyTimelineTest, APageOfALaterTimelineIsFound) {
  const Lsn page = segment_start(2) + 7 * wal::kPageBytes;
  directory.flip(page + offsetof(wal::PageHeader, timeline));
  const tests::Verified verified = verify();
  EXPECT_TRUE(verified.has_fault(page)) << verified.report;
  EXPECT_TRUE(verified.says("unexpected timeline ID "));
}

}  // namespace
}  // namespace server::verify
