#include "server/admin/check.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "server/wal/spool_mark.h"
#include "tests/wal/growing_wal.h"

// What `serve --check` says of a directory, which it leaves as it is. What it says of a primary,
// tests/e2e shows.

namespace server::admin {
namespace {

namespace fs = std::filesystem;

struct CheckTest : ::testing::Test, tests::GrowingWal {
  CheckTest() {
    grow(200'000);
    options.find_address = [] { return runtime::Result<std::string>("127.0.0.1"); };
    options.max_replication_slots = 10;
  }

  void be_spool() {
    options.spool_directory = options.state_directory = directory.path();
    options.primary_conninfo = "host=/nowhere connect_timeout=2";
  }
  void be_directory() { options.wal_directory = directory.path(); }
  void mark(const wal::SpoolMarkContent& content) const {
    ASSERT_TRUE(wal::SpoolMark::create(directory.path(), content));
  }
  void write_history(std::uint32_t timeline, const std::string& text) const {
    std::ofstream(directory.path() + "/" + wal::history_name(wal::TimelineId{timeline})) << text;
  }

  // Every file with its content and the time of its last change.
  std::map<std::string, std::pair<std::string, fs::file_time_type>> files() const {
    std::map<std::string, std::pair<std::string, fs::file_time_type>> all;
    for (const auto& entry : fs::recursive_directory_iterator(directory.path())) {
      std::ifstream file(entry.path(), std::ios::binary);
      all[entry.path()] = {{std::istreambuf_iterator<char>(file), {}}, entry.last_write_time()};
    }
    return all;
  }
  // What is printed; the disk is what it was.
  std::string said() const {
    const auto before = files();
    testing::internal::CaptureStdout();
    check(options);
    std::string text = testing::internal::GetCapturedStdout();
    EXPECT_TRUE(before == files());
    return text;
  }
  bool says(const std::string& line) const { return said().find(line) != std::string::npos; }

  CheckOptions options;
};

// Each of these was "OK", and the start was refused.
TEST_F(CheckTest, ADirectoryWithoutAMarkIsRefusedUnlessItIsAdopted) {
  be_spool();
  EXPECT_TRUE(
      says("ERROR: directory \"" + directory.path() + "\" is not empty, and no spool of walcast"));
  options.adopt_spool = true;
  EXPECT_FALSE(says("no spool of walcast"));
  EXPECT_TRUE(says("OK: directory \"" + directory.path() + "\" has WAL of system"));
}

TEST_F(CheckTest, ASpoolOfSyntheticWalIsNoRelays) {
  be_spool();
  mark({.writer = wal::SpoolWriter::kGenerator,
        .system_identifier = identity.system_identifier,
        .kept_to = {}});
  EXPECT_TRUE(says("is a spool of synthetic WAL, and not of WAL from a primary"));
}

TEST_F(CheckTest, ADamagedMarkIsRefused) {
  be_spool();
  mark({.system_identifier = identity.system_identifier, .kept_to = {}});
  fs::resize_file(directory.path() + "/walcast.spool", 17);
  EXPECT_TRUE(says("walcast.spool\" is damaged, or of another version"));
}

TEST_F(CheckTest, WalOfAnotherSystemThanTheMarkIsRefused) {
  be_spool();
  mark({.system_identifier = identity.system_identifier + 1, .kept_to = end()});
  EXPECT_TRUE(says("ERROR: spool \"" + directory.path() + "\" is of system " +
                   std::to_string(identity.system_identifier + 1)));
}

TEST_F(CheckTest, LessWalThanWasOnDiskIsRefused) {
  be_spool();
  mark({.system_identifier = identity.system_identifier, .kept_to = end()});
  EXPECT_FALSE(says("although it was on disk up to")) << "all is there";
  mark({.system_identifier = identity.system_identifier, .kept_to = end() + 8});
  EXPECT_TRUE(says("although it was on disk up to " + to_string(end() + 8)));
  fs::remove(path(1));
  EXPECT_TRUE(says("has no valid WAL, although it had WAL up to"));
}

TEST_F(CheckTest, ASegmentThatIsMissingBelowTheMarkIsNamed) {
  be_spool();
  grow(4 << 20);
  mark({.system_identifier = identity.system_identifier, .kept_from = begin(), .kept_to = end()});
  EXPECT_FALSE(says("ERROR: WAL of spool"));
  fs::remove(path(2));
  EXPECT_TRUE(says("lacks file \"" +
                   wal::segment_name(wal::TimelineId{1}, segment(2), identity.segment_size) +
                   "\", although it was on disk up to " + to_string(end())));
}

// It called the WAL behind the gap the spool's.
TEST_F(CheckTest, WhatAStartSetsAsideIsNotCounted) {
  be_spool();
  grow(4 << 20);
  mark({.system_identifier = identity.system_identifier,
        .kept_from = begin(),
        .kept_to = segment_start(2) + 8});
  fs::remove(path(3));
  EXPECT_TRUE(says("WARNING: WAL segments from " +
                   wal::segment_name(wal::TimelineId{1}, segment(4), identity.segment_size) +
                   " on lie behind a gap and are set aside"));
  const std::string has_to = " on timeline 1 from 0/100000 to 0/2";
  EXPECT_TRUE(says(has_to)) << said();
}

// It was "OK", and the start was refused: behind the gap is nothing that was on disk.
TEST_F(CheckTest, ASpoolThatHasOnlyWhatLiesBehindAGapHasLostItsWal) {
  be_spool();
  grow(4 << 20);
  mark({.system_identifier = identity.system_identifier,
        .kept_from = begin(),
        .kept_to = segment_start(2) + 8});
  for (const std::uint64_t no : {1, 2, 3}) fs::remove(path(no));
  EXPECT_TRUE(
      says("has no valid WAL, although it had WAL up to " + to_string(segment_start(2) + 8)));
}

// What a crash has brought back of removed WAL goes at a start, and is no gap.
TEST_F(CheckTest, WhatAStartRemovesIsNotCounted) {
  be_spool();
  grow(4 << 20);
  mark({.system_identifier = identity.system_identifier,
        .kept_from = segment_start(3),
        .kept_to = end()});
  fs::remove(path(2));
  EXPECT_FALSE(says("is missing"));
  EXPECT_TRUE(says(" on timeline 1 from 0/300000 to " + to_string(end())));
}

TEST_F(CheckTest, AStateDirectoryInADataDirectoryIsRefused) {
  be_directory();
  const tests::TempDir data;
  std::ofstream(data.file("PG_VERSION")) << "15\n";
  fs::create_directory(data.file("state"));
  options.state_directory = data.file("state");
  EXPECT_TRUE(says("ERROR: directory \"" + data.file("state") + "\" belongs to"));
}

// It named the newest timeline, whatever was asked for.
TEST_F(CheckTest, TheTimelineIsTheOneThatAStartWouldServe) {
  be_directory();
  const auto fork = end();
  const auto second = child(2, fork, builder.previous_record());
  write_history(2, runtime::format("1\t{}\tpromoted\n", fork));
  write_timeline(2, second);
  EXPECT_TRUE(says(" on timeline 2 from 0/100000 to " + to_string(second.end())));
  options.recovery_target_timeline.kind = wal::TimelineTarget::Kind::kCurrent;
  EXPECT_TRUE(says(" on timeline 1 from 0/100000 to " + to_string(fork)));
  options.recovery_target_timeline = {.kind = wal::TimelineTarget::Kind::kNumber,
                                      .number = wal::TimelineId{3}};
  EXPECT_TRUE(says("ERROR: recovery target timeline 3 does not exist"));
}

TEST_F(CheckTest, AnAbandonedTimelineIsNotTheOneThatIsServed) {
  be_directory();
  write_history(2, "1\t0/900000\tabandoned\n");
  write_timeline(2, child(2, end(), builder.previous_record()));
  EXPECT_TRUE(says(" on timeline 1 from 0/100000 to " + to_string(end())));
  EXPECT_TRUE(says("WARNING: timeline 2 cannot have forked from timeline 1"));
}

TEST_F(CheckTest, WalBehindAKnownForkIsNotCounted) {
  be_directory();
  const auto fork = end();
  grow(100'000);
  write_history(2, runtime::format("1\t{}\tpromoted\n", fork));
  EXPECT_TRUE(says(" on timeline 1 from 0/100000 to " + to_string(fork)));
}

TEST_F(CheckTest, ADataDirectoryWithADamagedControlFileIsAWarning) {
  const tests::TempDir data;
  std::ofstream(data.file("PG_VERSION")) << "15\n";
  fs::create_directory(data.file("global"));
  std::ofstream(data.file("global/pg_control")) << "short";
  fs::create_directory_symlink(directory.path(), data.file("pg_wal"));
  options.wal_directory = data.file("pg_wal");
  EXPECT_TRUE(says("WARNING: file \"" + data.file("global/pg_control") +
                   "\" tells nothing of the cluster: it has only 5 bytes"));
}

}  // namespace
}  // namespace server::admin
