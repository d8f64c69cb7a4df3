// Each kind of fault, planted in WAL that is good: it is told once, at its own position, and what
// lies behind it is proven.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "server/wal/format.h"
#include "tests/verify/verify_rig.h"

namespace server::verify {
namespace {

using wal::Lsn;

// Good WAL of four segments, by whole segments and by pieces of a few pages.
class VerifyFaultTest : public testing::TestWithParam<std::uint64_t>, public tests::VerifyRig {
 protected:
  VerifyFaultTest() {
    piece_bytes = GetParam();
    grow(3'500'000);
  }
  // That there is one fault, and where.
  void expect_fault(Lsn lsn, std::string_view words) const {
    const tests::Verified verified = verify();
    EXPECT_EQ(verified.status, 1);
    EXPECT_EQ(verified.faults(), 1u) << verified.report;
    EXPECT_TRUE(verified.has_fault(lsn)) << to_string(lsn) << "\n" << verified.report;
    EXPECT_TRUE(verified.says(words)) << verified.report;
    EXPECT_TRUE(verified.says("> " + to_string(Lsn(lsn.value() & ~std::uint64_t{15}))))
        << "the bytes around it are shown\n"
        << verified.report;
    EXPECT_TRUE(verified.says("timeline 1: " + to_string(begin()) + " to " + to_string(end())))
        << "what lies behind it is proven\n"
        << verified.report;
  }
};

INSTANTIATE_TEST_SUITE_P(Pieces, VerifyFaultTest,
                         testing::Values(kPieceBytes, 4 * wal::kPageBytes, wal::kPageBytes),
                         [](const auto& test) { return "Of" + std::to_string(test.param); });

TEST_P(VerifyFaultTest, GoodWalIsGood) {
  for (const std::size_t threads : {1u, 2u}) {
    jobs = threads;
    const tests::Verified verified = verify();
    EXPECT_EQ(verified.status, 0) << verified.report;
    EXPECT_EQ(verified.faults() + verified.notes(), 0u) << verified.report;
    EXPECT_TRUE(verified.says("timeline 1: 0/100000 to " + to_string(end())));
    EXPECT_TRUE(verified.says(std::to_string(records.size()) + " records in 4 segments"));
    EXPECT_TRUE(verified.says("all good"));
  }
}

TEST_P(VerifyFaultTest, ABitOfTheData) {
  const auto& record = record_in(2);
  directory.flip(record.begin + 100);
  expect_fault(record.begin, "incorrect resource manager data checksum in record at ");
  EXPECT_TRUE(verify().says("good again from " + to_string(record.end)));
}

TEST_P(VerifyFaultTest, ABitOfTheChecksum) {
  const auto& record = record_in(2);
  directory.flip(record.begin + wal::kRecordCrcOffset);
  expect_fault(record.begin, "incorrect resource manager data checksum in record at ");
}

TEST_P(VerifyFaultTest, ABitOfTheLinkBack) {
  const auto& record = record_in(3);
  directory.flip(record.begin + offsetof(wal::RecordHeader, previous));
  expect_fault(record.begin, "record with incorrect prev-link ");
}

TEST_P(VerifyFaultTest, TheResourceManager) {
  const auto& record = record_in(3);
  directory.flip(record.begin + offsetof(wal::RecordHeader, rmid));
  const tests::Verified verified = verify();
  EXPECT_TRUE(verified.has_fault(record.begin)) << verified.report;
}

TEST_P(VerifyFaultTest, ALengthThatIsTooLong) {
  const auto& record = record_in(3);
  directory.flip(record.begin + 3);
  expect_fault(record.begin, "too long");
}

TEST_P(VerifyFaultTest, AHeaderOfAPage) {
  const Lsn page = segment_start(2) + 5 * wal::kPageBytes;
  directory.flip(page);
  expect_fault(page, "invalid magic number ");
}

TEST_P(VerifyFaultTest, AnAddressOfAPage) {
  const Lsn page = segment_start(2) + 5 * wal::kPageBytes;
  directory.flip(page + offsetof(wal::PageHeader, page_address) + 3);
  expect_fault(page, "unexpected pageaddr ");
}

// What is to come of a record, as its next page says.
TEST_P(VerifyFaultTest, AWrongContinuation) {
  const Lsn page = segment_start(2) + 5 * wal::kPageBytes;
  const auto& record = record_at(page);
  ASSERT_LT(record.begin, page) << "it lies across the page's begin";
  directory.flip(page + offsetof(wal::PageHeader, remaining_length));
  expect_fault(record.begin, "invalid contrecord length ");
}

TEST_P(VerifyFaultTest, ARecordAcrossSegments) {
  const auto& record = record_at(segment_start(3));
  ASSERT_LT(record.begin, segment_start(3));
  directory.flip(record.begin + 30);
  expect_fault(record.begin, "incorrect resource manager data checksum in record at ");
  directory.flip(record.begin + 30);
  directory.flip(record.end - 9);
  expect_fault(record.begin, "incorrect resource manager data checksum in record at ");
}

TEST_P(VerifyFaultTest, AMissingSegment) {
  directory.remove(segment(3));
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 1);
  EXPECT_EQ(verified.faults(), 1u) << verified.report;
  EXPECT_TRUE(verified.has_fault(segment_start(3)));
  EXPECT_TRUE(verified.says("WAL segment " + name(3) + " is missing"));
  EXPECT_TRUE(verified.says("good again from " + to_string(segment_start(4))));
  EXPECT_TRUE(verified.says("repair: Fetch it from the primary or from another archive."));
}

TEST_P(VerifyFaultTest, AFileThatWasCutOff) {
  const Lsn cut = segment_start(3) + 11 * wal::kPageBytes + 100;
  directory.truncate(cut);
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 1);
  EXPECT_EQ(verified.faults(), 1u) << verified.report;
  EXPECT_TRUE(verified.has_fault(cut.page_start())) << verified.report;
  EXPECT_TRUE(verified.says("WAL ends too early, since more comes behind it"));
  EXPECT_TRUE(verified.says("The file was cut off"));
}

TEST_P(VerifyFaultTest, AnEmptyFile) {
  directory.truncate(segment_start(3));
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.faults(), 1u) << verified.report;
  EXPECT_TRUE(verified.has_fault(segment_start(3))) << verified.report;
}

// No server restores it, though all the WAL that it has is good.
TEST_P(VerifyFaultTest, ALastFileOfAnotherSize) {
  const Lsn begin = segment_start(4);
  for (const std::uint64_t bytes :
       {std::uint64_t{0}, std::uint64_t{300'000}, std::uint64_t{2 << 20}}) {
    std::filesystem::resize_file(path(4), bytes);
    const tests::Verified verified = verify();
    EXPECT_EQ(verified.status, 1);
    EXPECT_EQ(verified.faults(), 1u) << verified.report;
    EXPECT_TRUE(verified.says("archive file \"" + name(4) + "\" has wrong size: " +
                              std::to_string(bytes) + " instead of 1048576"))
        << verified.report;
    EXPECT_EQ(verified.says("The file was cut off"), bytes < 1'000'000);
    EXPECT_TRUE(verified.has_fault(begin + std::min<std::uint64_t>(bytes, 1048575)));
  }
  std::filesystem::rename(path(4), path(4) + ".partial");
  EXPECT_EQ(verify().status, 0) << "a .partial is one that is not whole";
}

TEST_P(VerifyFaultTest, TwoSegmentsThatWereSwapped) {
  std::filesystem::rename(path(2), path(2) + ".tmp");
  std::filesystem::rename(path(3), path(2));
  std::filesystem::rename(path(2) + ".tmp", path(3));
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 1);
  EXPECT_EQ(verified.faults(), 2u) << verified.report;
  EXPECT_TRUE(verified.has_fault(segment_start(2)));
  EXPECT_TRUE(verified.has_fault(segment_start(3)));
  EXPECT_TRUE(verified.says("pages of the later segment " + name(3)));
  EXPECT_TRUE(verified.says("pages of the older segment " + name(2)));
}

TEST_P(VerifyFaultTest, AHoleOfZeros) {
  const Lsn page = segment_start(2) + 5 * wal::kPageBytes;
  directory.write(page, std::vector<std::byte>(2 * wal::kPageBytes));
  expect_fault(page, "The bytes were never written, or are lost.");
}

TEST_P(VerifyFaultTest, ASegmentOfAnotherSystem) {
  auto other = identity;
  other.system_identifier = 4711;
  wal::WalBuilder stranger(other, wal::TimelineId{1}, segment_start(3));
  for (int i = 0; i < 200; ++i) stranger.append_noop(tests::filling(1000));
  directory.remove(segment(3));
  directory.write(stranger);
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 1);
  EXPECT_EQ(verified.faults(), 1u) << verified.report;
  EXPECT_TRUE(verified.has_fault(segment_start(3)));
  EXPECT_TRUE(verified.says("WAL file is from different database system"));
  EXPECT_TRUE(verified.says("The file is of another system: move it away."));
}

TEST_P(VerifyFaultTest, ManyFaultsAreToldOneByOne) {
  for (std::uint64_t no = 1; no <= 3; ++no) directory.flip(record_in(no).begin + 50);
  directory.flip(record_in(2, 50).begin + 60);
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.faults(), 4u) << verified.report;
  EXPECT_TRUE(verified.says("the first bad position is " + to_string(record_in(1).begin)));
}

// No reader looks at either.
TEST_P(VerifyFaultTest, BytesThatMeanNothingAreNoted) {
  directory.flip(segment_start(2) + 5 * wal::kPageBytes + offsetof(wal::PageHeader, padding));
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 0);
  EXPECT_EQ(verified.notes(), 1u) << verified.report;
  EXPECT_TRUE(verified.says("bytes of the page header that mean nothing are not zero"));
}

TEST_P(VerifyFaultTest, ADamagedTailIsToldWithWhatACrashDoes) {
  const auto& last = records.back();
  directory.flip(last.end - 9);
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 1);
  EXPECT_EQ(verified.faults(), 1u) << verified.report;
  EXPECT_TRUE(verified.has_fault(last.begin));
  EXPECT_TRUE(verified.says("If a crash cut the WAL off here, this is harmless"));
}

}  // namespace
}  // namespace server::verify
