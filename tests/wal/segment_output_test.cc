#include "server/wal/segment_output.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "server/wal/segment.h"
#include "tests/support/wal_directory.h"
#include "tests/wal/samples.h"

// What generator_test.cc, which writes all its WAL through it, does not meet.

namespace server::wal {
namespace {

constexpr TimelineId kTimeline{1};
constexpr SegmentSize kOneMegabyte(1 << 20);
constexpr Lsn kStart(1 << 20);

class SegmentOutputTest : public testing::Test {
 protected:
  std::string path(std::uint64_t no) const { return directory.segment_path(SegmentNo{no}); }
  static std::span<const std::byte> some(std::size_t size) {
    static const std::vector<std::byte> kNoise = tests::data_of(3 << 20);
    return std::span(kNoise).first(size);
  }
  bool holds(Lsn begin, std::span<const std::byte> bytes) const {
    return std::ranges::equal(directory.read(begin, begin + bytes.size()), bytes);
  }

  tests::WalDirectory directory{kTimeline, kOneMegabyte};
  SegmentOutput output{{.directory = directory.path(),
                        .timeline = kTimeline,
                        .segment_size = kOneMegabyte,
                        .synced_by = SyncedBy::kOutput}};
};

TEST_F(SegmentOutputTest, CutsWhatIsAppendedIntoSegments) {
  ASSERT_TRUE(output.start(kStart));
  EXPECT_FALSE(std::filesystem::exists(path(1))) << "a segment begins with its first byte";
  ASSERT_TRUE(output.append(some(2'500'000)));
  EXPECT_EQ(output.end(), kStart + 2'500'000);
  EXPECT_TRUE(holds(kStart, some(2'500'000)));
  for (const std::uint64_t no : {1u, 2u, 3u}) {
    EXPECT_EQ(std::filesystem::file_size(path(no)), 1u << 20);
    EXPECT_EQ(std::filesystem::status(path(no)).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
}

TEST_F(SegmentOutputTest, AFullSegmentDoesNotBeginTheNext) {
  ASSERT_TRUE(output.start(kStart));
  ASSERT_TRUE(output.append(some(1 << 20)));
  EXPECT_EQ(output.end(), kStart + (1 << 20));
  EXPECT_FALSE(std::filesystem::exists(path(2)));
  EXPECT_TRUE(output.skip_to(output.end())) << "there is nothing to skip";
  EXPECT_FALSE(std::filesystem::exists(path(2)));
}

TEST_F(SegmentOutputTest, SkippingLeavesZerosAndGoesOnInTheNextSegment) {
  ASSERT_TRUE(output.start(kStart));
  ASSERT_TRUE(output.append(some(1000)));
  ASSERT_TRUE(output.skip_to(kStart + (1 << 20)));
  EXPECT_EQ(output.end(), kStart + (1 << 20));
  ASSERT_TRUE(output.append(some(500)));
  EXPECT_TRUE(holds(kStart, some(1000)));
  EXPECT_TRUE(holds(kStart + 1000, std::vector<std::byte>((1 << 20) - 1000)));
  EXPECT_TRUE(holds(kStart + (1 << 20), some(500)));
}

TEST_F(SegmentOutputTest, NothingButTheRestOfASegmentIsSkipped) {
  ASSERT_TRUE(output.start(kStart));
  ASSERT_TRUE(output.append(some(1000)));
  EXPECT_DEATH(static_cast<void>(output.skip_to(kStart + 2000)), "CHECK");
}

TEST_F(SegmentOutputTest, StartingRemovesLaterSegmentsOfItsTimelineAndNothingElse) {
  directory.write(kStart, some(3 << 20));
  const std::string others[] = {path(3) + ".partial",
                                directory.path() + "/000000020000000000000003",
                                directory.path() + "/00000002.history", directory.path() + "/x"};
  for (const std::string& other : others) std::ofstream(other) << "x";
  ASSERT_TRUE(output.start(kStart + (1 << 20) + 4000));
  EXPECT_TRUE(holds(kStart, some(1 << 20)));
  EXPECT_TRUE(holds(kStart + (1 << 20), some((1 << 20) + 4000).subspan(1 << 20)));
  EXPECT_TRUE(holds(kStart + (1 << 20) + 4000, std::vector<std::byte>((1 << 20) - 4000)));
  EXPECT_FALSE(std::filesystem::exists(path(3)));
  for (const std::string& other : others) EXPECT_TRUE(std::filesystem::exists(other)) << other;
}

TEST_F(SegmentOutputTest, OnlyItsOwnSegmentsAreRemovedAndCounted) {
  const std::string other = directory.path() + "/000000020000000000000001";
  std::ofstream(other) << "x";
  ASSERT_TRUE(output.start(Lsn(3 << 20)));
  ASSERT_TRUE(output.append(some(2'500'000)));
  EXPECT_EQ(output.remove_before(Lsn(5 << 20)).value(), 2u);
  EXPECT_FALSE(std::filesystem::exists(path(3)) || std::filesystem::exists(path(4)));
  EXPECT_TRUE(std::filesystem::exists(path(5)));
  EXPECT_TRUE(std::filesystem::exists(other));
}

// Another program writes there, and its WAL is not ours to overwrite.
TEST_F(SegmentOutputTest, ANewSegmentMustNotBeThere) {
  ASSERT_TRUE(output.start(kStart));
  std::ofstream(path(1)) << "theirs";
  const auto appended = output.append(some(100));
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().what, "could not create file \"" + path(1) + "\": File exists");
  EXPECT_EQ(output.end(), kStart);
  EXPECT_EQ(std::filesystem::file_size(path(1)), 6u);
  directory.remove(SegmentNo{1});
  EXPECT_TRUE(output.append(some(100)));
  EXPECT_TRUE(holds(kStart, some(100)));
}

// The bytes of the old file may still be on their way to a standby.
TEST_F(SegmentOutputTest, AFileIsNeverUsedAgain) {
  ASSERT_TRUE(output.start(kStart));
  ASSERT_TRUE(output.append(some(1000)));
  const auto sent = Segment::open(path(1), kTimeline, SegmentNo{1}, kOneMegabyte);
  ASSERT_TRUE(sent);
  ASSERT_TRUE(output.start(kStart));
  ASSERT_TRUE(output.append(std::vector<std::byte>(1000)));
  EXPECT_NE(Segment::find(path(1)), (*sent)->id());
  std::vector<std::byte> old(1000);
  ASSERT_EQ((*sent)->read(0, old).value(), 1000u);
  EXPECT_TRUE(std::ranges::equal(old, some(1000)));
}

TEST_F(SegmentOutputTest, ADirectoryThatIsGoneIsAnErrorThatLeavesTheEnd) {
  ASSERT_TRUE(output.start(kStart));
  std::filesystem::remove_all(directory.path());
  const auto appended = output.append(some(100));
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().what,
            "could not create file \"" + path(1) + "\": No such file or directory");
  EXPECT_EQ(output.end(), kStart);
  EXPECT_FALSE(output.start(kStart));
}

}  // namespace
}  // namespace server::wal
