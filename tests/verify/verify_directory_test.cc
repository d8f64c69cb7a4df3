// Directories as they are: with files that are no WAL, not whole, not read, or not WAL yet.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"
#include "tests/support/unprivileged.h"
#include "tests/verify/verify_rig.h"

namespace server::verify {
namespace {

namespace fs = std::filesystem;

struct VerifyDirectoryTest : testing::Test, tests::VerifyRig {
  VerifyDirectoryTest() { grow(2'500'000); }
  void touch(const std::string& file, const std::string& text = "x") const {
    std::ofstream(directory.path() + "/" + file) << text;
  }
  // A file of the segment that has the bytes of an older one.
  void recycle(std::uint64_t from, std::uint64_t to) const { fs::copy_file(path(from), path(to)); }
  // One that has no WAL at all.
  void preallocate(std::uint64_t no) const {
    touch(name(no), "");
    fs::resize_file(path(no), identity.segment_size.bytes());
  }
};

TEST_F(VerifyDirectoryTest, WhatIsNoDirectoryCouldNotBeRead) {
  const tests::Verified verified({.directory = path(1)});
  EXPECT_EQ(verified.status, 2);
  EXPECT_TRUE(verified.says("ERROR: could not open directory")) << verified.report;
  EXPECT_EQ(tests::Verified({.directory = directory.path() + "/none"}).status, 2);
}

TEST_F(VerifyDirectoryTest, AnEmptyDirectoryHasNoWal) {
  const tests::TempDir empty;
  const tests::Verified verified({.directory = empty.path()});
  EXPECT_EQ(verified.status, 2);
  EXPECT_TRUE(verified.says("could not find any WAL file in directory")) << verified.report;
}

TEST_F(VerifyDirectoryTest, GarbageAloneIsNoWal) {
  const tests::TempDir garbage;
  std::ofstream(garbage.file(name(1))) << std::string(100'000, 'g');
  const tests::Verified verified({.directory = garbage.path()});
  EXPECT_EQ(verified.status, 2);
  EXPECT_TRUE(verified.says("could not find any valid WAL file")) << verified.report;
  EXPECT_TRUE(verified.says("invalid magic number 6767")) << verified.report;
}

TEST_F(VerifyDirectoryTest, ForeignFilesAreNoted) {
  touch("README");
  touch("00000001000000000000000G");
  touch(name(1) + ".00000028.backup");
  fs::create_directory(directory.path() + "/archive_status");
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 0) << verified.report;
  EXPECT_TRUE(verified.says("NOTE: 2 files are no WAL, the first is ")) << verified.report;
}

// Its end is 2^64, which is no LSN.
TEST_F(VerifyDirectoryTest, TheLastNameOfAllIsNoSegment) {
  fs::copy_file(path(1), directory.path() + "/00000001FFFFFFFF00000FFF");
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 0) << verified.report;
  EXPECT_TRUE(verified.says("NOTE: 1 files are no WAL, the first is 00000001FFFFFFFF00000FFF"))
      << verified.report;
}

TEST_F(VerifyDirectoryTest, RecycledAndPreallocatedSegmentsAreNoWalYet) {
  recycle(1, 4);
  preallocate(5);
  recycle(2, 7);
  for (const std::uint64_t bytes : {kPieceBytes, std::uint64_t{8 * wal::kPageBytes}}) {
    piece_bytes = bytes;
    const tests::Verified verified = verify();
    EXPECT_EQ(verified.status, 0) << verified.report;
    EXPECT_TRUE(verified.says("timeline 1: 0/100000 to " + to_string(end())));
  }
}

TEST_F(VerifyDirectoryTest, ARecycledSegmentAmongWalIsAFault) {
  fs::remove(path(2));
  recycle(1, 2);
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 1);
  EXPECT_EQ(verified.faults(), 1u) << verified.report;
  EXPECT_TRUE(verified.has_fault(segment_start(2)));
  EXPECT_TRUE(verified.says("pages of the older segment " + name(1)));
}

TEST_F(VerifyDirectoryTest, APartialIsReadWhereThereIsNoSegment) {
  fs::rename(path(3), path(3) + ".partial");
  EXPECT_EQ(verify().status, 0) << verify().report;
  EXPECT_TRUE(verify().says("to " + to_string(end())));
  fs::rename(path(2), path(2) + ".partial");
  EXPECT_EQ(verify().status, 0) << verify().report;
}

TEST_F(VerifyDirectoryTest, APartialBesideADamagedSegmentIsNamed) {
  fs::copy_file(path(2), path(2) + ".partial");
  EXPECT_EQ(verify().status, 0) << verify().report;
  directory.flip(record_in(2).begin + 50);
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 1);
  EXPECT_TRUE(verified.says("File " + name(2) + ".partial is beside it")) << verified.report;
}

TEST_F(VerifyDirectoryTest, CompressedSegmentsCountAsNotRead) {
  fs::rename(path(2), path(2) + ".gz");
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 2) << verified.report;
  EXPECT_EQ(verified.faults(), 0u);
  EXPECT_TRUE(verified.says("NOT READ: " + to_string(segment_start(2))));
  EXPECT_TRUE(verified.says("Compressed segments are not read: unpack them"));
  EXPECT_TRUE(verified.says("0 faults, 1 not read")) << verified.report;
  for (std::uint64_t no : {1, 3}) fs::rename(path(no), path(no) + ".zst");
  const tests::Verified none = verify();
  EXPECT_EQ(none.status, 2);
  EXPECT_TRUE(none.says("3 compressed files are there, the first is 0000000100000000000000"));
  EXPECT_TRUE(none.says("verify what they unpack to")) << none.report;
}

// As pg_receivewal names the segment that it writes to, and pgBackRest those of its archive.
TEST_F(VerifyDirectoryTest, ACompressedSegmentIsKnownWhateverItsName) {
  for (const std::string suffix :
       {".gz.partial", ".lz4.partial", ".br", "-0123456789abcdef0123456789abcdef01234567.zst"}) {
    touch(name(4) + suffix);
    const tests::Verified verified = verify();
    EXPECT_EQ(verified.status, 2) << suffix;
    EXPECT_TRUE(verified.says("NOT READ: 1 compressed segments, the first is " + name(4) + suffix))
        << verified.report;
    fs::remove(directory.path() + "/" + name(4) + suffix);
  }
}

TEST_F(VerifyDirectoryTest, ACompressedSegmentBesideAPartialIsNotReadAndACopyIsNoted) {
  touch(name(1) + ".gz");
  const tests::Verified copy = verify();
  EXPECT_EQ(copy.status, 0) << copy.report;
  EXPECT_TRUE(copy.says("NOTE: 1 compressed copies of other files were not read")) << copy.report;
  fs::rename(path(3), path(3) + ".partial");
  touch(name(3) + ".gz");
  const tests::Verified whole = verify();
  EXPECT_EQ(whole.status, 2) << whole.report;
  EXPECT_TRUE(whole.says("NOT READ: 1 compressed segments, the first is " + name(3) + ".gz"));
}

TEST_F(VerifyDirectoryTest, ACompressedHistoryIsNotRead) {
  fs::copy_file(path(3), path(2, 3));
  touch("00000002.history.gz");
  const tests::Verified verified = verify();
  EXPECT_TRUE(verified.says("NOT READ: 00000002.history.gz, which is compressed: what timeline 2"))
      << verified.report;
  EXPECT_FALSE(verified.says("no file 00000002.history")) << verified.report;
}

TEST_F(VerifyDirectoryTest, ACompressedFileUnderASegmentsNameIsSaidToBeOne) {
  std::string zipped("\x1f\x8b\x08", 3);
  zipped.resize(100'000, 'z');
  touch(name(2), zipped);
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 1);
  EXPECT_TRUE(verified.says("The file is compressed, by gzip")) << verified.report;
  for (const std::uint64_t no : {1, 3}) touch(name(no), zipped);
  const tests::Verified none = verify();
  EXPECT_EQ(none.status, 2);
  EXPECT_TRUE(none.says("which is that of gzip: it is compressed")) << none.report;
}

TEST_F(VerifyDirectoryTest, AFileThatCannotBeReadIsNoFault) {
  fs::permissions(directory.path(), fs::perms(0755));
  for (const std::uint64_t no : {1, 3}) fs::permissions(path(no), fs::perms(0644));
  fs::permissions(path(2), fs::perms::none);
  piece_bytes = wal::kPageBytes;
  const tests::Unprivileged unprivileged;
  if (!unprivileged.is_effective()) GTEST_SKIP() << "root may not become another user here";
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 2) << verified.report;
  EXPECT_EQ(verified.faults(), 0u);
  EXPECT_TRUE(verified.says("NOT READ: " + to_string(segment_start(2)))) << verified.report;
  EXPECT_EQ(verified.count("NOT READ: "), 1u) << verified.report;
  EXPECT_TRUE(verified.says("Permission denied")) << verified.report;
  EXPECT_TRUE(verified.says("to " + to_string(end()))) << verified.report;
}

TEST_F(VerifyDirectoryTest, OfSegmentsOfAnotherSizeNothingIsTaken) {
  auto other = identity;
  other.segment_size = wal::SegmentSize(2u << 20);
  wal::WalBuilder stranger(other, wal::TimelineId{1}, other.segment_size.start(segment(4)));
  for (int i = 0; i < 50; ++i) stranger.append_noop(tests::filling(1000));
  touch(
      segment_name(wal::TimelineId{1}, segment(4), other.segment_size),
      std::string(reinterpret_cast<const char*>(stranger.bytes().data()), stranger.bytes().size()));
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 1);
  EXPECT_TRUE(verified.says("incorrect segment size in page header")) << verified.report;
  EXPECT_TRUE(verified.says("to " + to_string(end()))) << verified.report;
}

TEST_F(VerifyDirectoryTest, TheRestOfARecordFromBeforeTheOldestSegmentIsTaken) {
  fs::remove(path(1));
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 0) << verified.report;
  EXPECT_TRUE(verified.says("timeline 1: " + to_string(segment_start(2)) + " to "));
}

TEST_F(VerifyDirectoryTest, ARecordThatIsNotWholeIsTheEnd) {
  const auto last = builder.append_noop(tests::filling(100'000));
  write();
  directory.write(last.begin.page_start() + 3 * wal::kPageBytes,
                  std::vector<std::byte>(12 * wal::kPageBytes));
  for (const std::uint64_t bytes : {kPieceBytes, std::uint64_t{wal::kPageBytes}}) {
    piece_bytes = bytes;
    const tests::Verified verified = verify();
    EXPECT_EQ(verified.status, 0) << verified.report;
    EXPECT_TRUE(verified.says("to " + to_string(records.back().end) + ";")) << verified.report;
  }
}

TEST_F(VerifyDirectoryTest, OnlyTheRangeIsToldOf) {
  const auto& first = record_in(1);
  const auto& third = record_in(3);
  directory.flip(first.begin + 50);
  directory.flip(third.begin + 50);
  auto range = options();
  range.scope = {.from = first.end, .to = third.begin};
  EXPECT_EQ(tests::Verified(range).status, 0) << tests::Verified(range).report;
  range.scope = {.from = first.begin + 60, .to = third.begin};
  EXPECT_TRUE(tests::Verified(range).has_fault(first.begin)) << "a part of it is in the range";
  range.scope = {.from = first.end, .to = third.begin + 1};
  EXPECT_TRUE(tests::Verified(range).has_fault(third.begin));
  range.scope = {.from = segment_start(2), .to = segment_start(3)};
  EXPECT_TRUE(tests::Verified(range).says("in 1 segments")) << "no other is read";
}

TEST_F(VerifyDirectoryTest, WhatIsAskedForMustBeThere) {
  auto range = options();
  range.scope.to = end();
  EXPECT_EQ(tests::Verified(range).status, 0) << tests::Verified(range).report;
  range.scope.to = end() + 8;
  const tests::Verified late(range);
  EXPECT_EQ(late.status, 1);
  EXPECT_TRUE(late.says("WAL ends at " + to_string(end()) + " already")) << late.report;
  range.scope = {.from = begin() - 8};
  const tests::Verified early(range);
  EXPECT_EQ(early.status, 1);
  EXPECT_TRUE(early.says("WAL begins only at " + to_string(begin()))) << early.report;
  range.scope = {.from = segment_start(9)};
  EXPECT_EQ(tests::Verified(range).status, 2);
}

}  // namespace
}  // namespace server::verify
