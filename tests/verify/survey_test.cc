#include "server/verify/survey.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/verify/verify_rig.h"

namespace server::verify {
namespace {

namespace fs = std::filesystem;
using wal::TimelineId;

struct SurveyTest : testing::Test, tests::VerifyRig {
  SurveyTest() { grow(3'500'000); }
  Survey look(const Scope& scope = {}) const {
    return survey(wal::Directory(directory.path()), scope).value();
  }
};

TEST_F(SurveyTest, TheFilesComeInTheOrderOfTheirWal) {
  fs::copy_file(path(3), path(2, 3));
  const Survey found = look();
  std::string order;
  for (const WalFile& file : found.files) {
    order += std::to_string(value(file.timeline())) + ":" + std::to_string(value(file.no)) + " ";
  }
  EXPECT_EQ(order, "1:1 1:2 1:3 2:3 1:4 ");
  EXPECT_EQ(found.identity, identity);
}

TEST_F(SurveyTest, TheClusterOfMostSegmentsCounts) {
  auto other = identity;
  other.system_identifier = 4711;
  wal::WalBuilder stranger(other, TimelineId{1}, segment_start(5));
  stranger.append_noop(tests::filling(1000));
  directory.write(stranger);
  for (const std::uint64_t no : {1, 2}) directory.truncate(segment_start(no));
  EXPECT_EQ(look().identity, identity);
}

TEST_F(SurveyTest, AWholeSegmentComesBeforeItsPartial) {
  fs::copy_file(path(2), path(2) + ".partial");
  fs::rename(path(4), path(4) + ".partial");
  fs::copy_file(path(3), path(3) + ".gz");
  const Survey found = look();
  ASSERT_EQ(found.files.size(), 4u);
  EXPECT_EQ(found.files[1].name.kind, wal::FileName::Kind::kSegment);
  EXPECT_EQ(found.files[3].name.kind, wal::FileName::Kind::kPartial);
  EXPECT_TRUE(found.partials_beside.contains({TimelineId{1}, segment(2)}));
  EXPECT_TRUE(found.compressed.empty()) << "the segment itself is there";
  EXPECT_EQ(found.compressed_copies.size(), 1u);
}

TEST_F(SurveyTest, TheHolderOfAForkSegmentIsTheChild) {
  fs::copy_file(path(3), path(2, 3));
  std::ofstream(directory.path() + "/00000002.history")
      << "1\t" << to_string(segment_start(3) + 100'000) << "\tno reason\n";
  const Survey found = look();
  EXPECT_EQ(found.holder(TimelineId{2}, segment(2)), TimelineId{1});
  EXPECT_EQ(found.holder(TimelineId{2}, segment(3)), TimelineId{2});
  EXPECT_EQ(found.holder(TimelineId{1}, segment(3)), TimelineId{1});
  const Survey narrow = look({.timeline = TimelineId{2}});
  EXPECT_EQ(narrow.files.size(), 3u);
}

}  // namespace
}  // namespace server::verify
