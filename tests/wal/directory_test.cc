#include "server/wal/directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "tests/support/disk_calls.h"
#include "tests/support/temp_dir.h"

namespace server::wal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr SegmentSize k1MB(1u << 20);
constexpr TimelineId kFirst{1};
constexpr TimelineId kSecond{2};

struct DirectoryTest : testing::Test {
  std::string made(const std::string& name, const std::string& text = "") const {
    std::ofstream(temp.file(name)) << text;
    return temp.file(name);
  }
  // Which segments have gone, and, if not all could, why.
  std::pair<std::vector<SegmentNo>, std::string> removed_before(std::uint64_t no) const {
    std::vector<SegmentNo> removed;
    const auto done = directory.remove_segments_before(
        SegmentNo{no}, k1MB, [&](SegmentNo gone) { removed.push_back(gone); });
    return {removed, done ? "" : done.error().what};
  }
  bool exists(TimelineId timeline, std::uint64_t no) const {
    return std::filesystem::exists(directory.segment_path(timeline, SegmentNo{no}, k1MB));
  }

  tests::TempDir temp;
  Directory directory{temp.path()};
};

TEST_F(DirectoryTest, PutsPathsTogether) {
  EXPECT_EQ(directory.segment_path(kFirst, SegmentNo{3}, k1MB),
            temp.file("000000010000000000000003"));
  EXPECT_EQ(directory.history_path(kSecond), temp.file("00000002.history"));
  for (const char* name :
       {"000000010000000000000003", "000000010000000A00000003.partial", "00000002.history"}) {
    EXPECT_EQ(directory.path_of(*parse_file_name(name)), temp.file(name));
  }
}

TEST_F(DirectoryTest, ListsWhatHasANameOfWal) {
  for (const char* name : {"000000010000000000000003", "000000010000000000000004.partial",
                           "00000002.history", "xlogtemp.1", "000000010000000000000003.tmp"}) {
    made(name);
  }
  EXPECT_EQ(directory.list()->size(), 3u);
  EXPECT_THAT(*directory.segments(k1MB), ElementsAre(Directory::SegmentFile{kFirst, SegmentNo{3}}));
}

TEST_F(DirectoryTest, ADirectoryThatIsMissingIsAnError) {
  const Directory none(temp.file("none"));
  const std::string words =
      "could not open directory \"" + none.path() + "\": No such file or directory";
  EXPECT_EQ(none.list().error().what, words);
  EXPECT_EQ(none.segments(k1MB).error().what, words);
  EXPECT_EQ(none.oldest_segment(k1MB).error().what, words);
  EXPECT_EQ(none.remove_segments_before(SegmentNo{9}, k1MB, [](SegmentNo) {}).error().what, words);
  EXPECT_EQ(none.read_histories().error().what, words);
  EXPECT_EQ(none.sync().error().what, words);
}

TEST_F(DirectoryTest, OldSegmentsGoOfWhateverTimelineAndNothingElse) {
  EXPECT_EQ(*directory.oldest_segment(k1MB), std::nullopt);
  for (const char* name :
       {"000000010000000000000003", "000000020000000000000003", "000000020000000000000004",
        "000000010000000000000002.partial", "00000002.history"}) {
    made(name);
  }
  EXPECT_EQ(*directory.oldest_segment(k1MB), SegmentNo{3});
  EXPECT_THAT(removed_before(3).first, IsEmpty());
  EXPECT_THAT(removed_before(4).first, ElementsAre(SegmentNo{3}, SegmentNo{3}));
  EXPECT_FALSE(exists(kFirst, 3) || exists(kSecond, 3));
  EXPECT_TRUE(exists(kSecond, 4));
  EXPECT_TRUE(std::filesystem::exists(temp.file("000000010000000000000002.partial")));
  EXPECT_EQ(*directory.oldest_segment(k1MB), SegmentNo{4});
}

TEST_F(DirectoryTest, ASegmentThatCannotBeRemovedIsAnError) {
  const std::string path = made("000000010000000000000003");
  const tests::DiskHook hook(
      temp.path(), [](const tests::DiskCall& call) { return call.name == "unlink" ? EACCES : 0; });
  EXPECT_EQ(removed_before(4).second, "could not remove file \"" + path + "\": Permission denied");
}

// Standbys must let go of those that went.
TEST_F(DirectoryTest, WhatGoesBeforeAFailureIsSaidAndLeavesNoGap) {
  for (const char* digit : {"5", "2", "4", "3", "1"}) {
    made("00000001000000000000000" + std::string(digit));
  }
  const tests::DiskHook hook(temp.path(), [](const tests::DiskCall& call) {
    return call.name == "unlink" && call.file.ends_with("3") ? EACCES : 0;
  });
  const auto [removed, why] = removed_before(5);
  EXPECT_THAT(removed, ElementsAre(SegmentNo{1}, SegmentNo{2}));
  EXPECT_NE(why, "");
  EXPECT_TRUE(exists(kFirst, 3) && exists(kFirst, 4) && exists(kFirst, 5));
}

TEST_F(DirectoryTest, ReadsEveryHistory) {
  made("00000002.history", "two");
  made("00000003.history", "three");
  EXPECT_THAT(*directory.read_histories(), UnorderedElementsAre(std::pair(TimelineId{2}, "two"),
                                                                std::pair(TimelineId{3}, "three")));
  EXPECT_EQ(*directory.read_history(TimelineId{3}), "three");
  EXPECT_EQ(*directory.read_history(TimelineId{4}), std::nullopt);
}

// A timeline without a history looks like one without parents, so what cannot be read must not look
// like a history that is missing.
TEST_F(DirectoryTest, AHistoryThatCannotBeReadIsAnError) {
  const std::string path = made("00000002.history", "two");
  for (const std::string_view name : {"open", "pread"}) {
    const tests::DiskHook hook(
        temp.path(), [name](const tests::DiskCall& call) { return call.name == name ? EIO : 0; });
    EXPECT_EQ(directory.read_histories().error().kind, &runtime::kIoError);
    EXPECT_EQ(directory.read_history(kSecond).error().kind, &runtime::kIoError);
  }
  made("00000002.history", std::string(kHistoryBytesMax + 1, '#'));
  EXPECT_EQ(directory.read_histories().error().what,
            "file \"" + path + "\" is larger than 1048576 bytes");
  EXPECT_FALSE(directory.read_history(kSecond));
}

// Between the listing and the reading.
TEST_F(DirectoryTest, AHistoryThatGoesMeanwhileIsNotThere) {
  made("00000002.history", "two");
  const tests::DiskHook hook(
      temp.path(), [](const tests::DiskCall& call) { return call.name == "open" ? ENOENT : 0; });
  EXPECT_THAT(*directory.read_histories(), IsEmpty());
}

TEST_F(DirectoryTest, EveryFileOfWalIsSyncedAndThenTheDirectory) {
  made("000000010000000000000003");
  made("00000002.history");
  made("other");
  std::vector<std::string> syncs;
  const tests::DiskHook hook(temp.path(), [&](const tests::DiskCall& call) {
    if (call.name == "fsync") syncs.push_back(call.file);
    return 0;
  });
  ASSERT_TRUE(directory.sync());
  ASSERT_EQ(syncs.size(), 3u);
  EXPECT_EQ(syncs.back(), ".");
}

TEST_F(DirectoryTest, APartialStandsInForASegmentThatIsMissing) {
  const std::string path = made("segment", "whole");
  made("segment.partial", "part");
  const auto text = [&](const auto& file) {
    std::string found(5, '?');
    found.resize(
        runtime::read_at(*file, path, 0, std::as_writable_bytes(std::span(found))).value());
    return found;
  };
  EXPECT_EQ(text(open_segment_file(path)), "whole");
  std::filesystem::remove(path);
  EXPECT_EQ(text(open_segment_file(path)), "part");
  std::filesystem::remove(path + ".partial");
  EXPECT_EQ(open_segment_file(path).error().what,
            "could not open file \"" + path + "\": No such file or directory");
}

}  // namespace
}  // namespace server::wal
