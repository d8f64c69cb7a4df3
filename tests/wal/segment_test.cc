#include "server/wal/segment.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "runtime/errors.h"
#include "tests/support/unprivileged.h"
#include "tests/support/wal_directory.h"
#include "tests/wal/after_look.h"
#include "tests/wal/samples.h"

namespace server::wal {
namespace {

constexpr SegmentSize k4MB(4u << 20);
constexpr TimelineId kTimeline{1};
constexpr SegmentNo kNo{2};

class SegmentTest : public testing::Test {
 protected:
  SegmentTest() { directory.write(k4MB.start(kNo), noise); }

  runtime::Result<SegmentRef> open() const { return Segment::open(path, kTimeline, kNo, k4MB); }
  SegmentRef opened() const {
    auto segment = open();
    CHECK(segment.has_value());
    return std::move(segment).value();
  }
  static std::vector<std::byte> bytes(const Segment& segment, std::uint32_t offset,
                                      std::size_t size) {
    std::vector<std::byte> bytes(size);
    const auto read = segment.read(offset, bytes);
    CHECK(read.has_value());
    bytes.resize(*read);
    return bytes;
  }
  bool holds_noise(const Segment& segment) const {
    return bytes(segment, 0, noise.size()) == noise;
  }

  tests::WalDirectory directory{kTimeline, k4MB};
  const std::string path = directory.segment_path(kNo);
  const std::string partial = path + ".partial";
  const std::vector<std::byte> noise = tests::data_of(100'000);
};

TEST_F(SegmentTest, KnowsWhichPartOfTheWalItIs) {
  const auto segment = Segment::open(path, TimelineId{7}, SegmentNo{1025}, k4MB);
  ASSERT_TRUE(segment);
  EXPECT_EQ((*segment)->timeline(), TimelineId{7});
  EXPECT_EQ((*segment)->no(), SegmentNo{1025});
  EXPECT_EQ((*segment)->begin(), Lsn(0x1'0040'0000));
  EXPECT_EQ((*segment)->end(), Lsn(0x1'0080'0000));
  EXPECT_EQ((*segment)->name(), "000000070000000100000001");
}

TEST_F(SegmentTest, ReadsFromAnyOffset) {
  const auto segment = opened();
  for (const std::uint32_t offset : {0u, 1u, 8191u, 50'000u}) {
    const auto expected = std::span(noise).subspan(offset, 20'000);
    EXPECT_TRUE(std::ranges::equal(bytes(*segment, offset, 20'000), expected)) << offset;
  }
}

TEST_F(SegmentTest, ReadsFewerBytesOnlyAtTheFilesEnd) {
  directory.truncate(k4MB.start(kNo) + 10'000);
  const auto segment = opened();
  EXPECT_EQ(bytes(*segment, 0, 10'000).size(), 10'000u);
  EXPECT_EQ(bytes(*segment, 8192, 8192).size(), 10'000u - 8192u);
  EXPECT_EQ(bytes(*segment, 10'000, 8192).size(), 0u);
  EXPECT_EQ(bytes(*segment, 1u << 20, 8192).size(), 0u);
}

// A directory can be opened like a file, but not read.
TEST_F(SegmentTest, AReadThatFailsIsAnErrorWithPostgresWords) {
  directory.remove(kNo);
  std::filesystem::create_directory(path);
  std::byte byte;
  const auto read = opened()->read(8192, std::span(&byte, 1));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().what,
            "could not read from log segment 000000010000000000000002, offset 8192: "
            "Is a directory");
  EXPECT_EQ(read.error().sys_errno, EISDIR);
}

TEST_F(SegmentTest, ThePartialIsOpenedIfThereIsNoSegment) {
  std::filesystem::rename(path, partial);
  const auto segment = opened();
  EXPECT_TRUE(holds_noise(*segment));
  EXPECT_EQ(segment->name(), "000000010000000000000002");
}

TEST_F(SegmentTest, TheSegmentGoesBeforeItsPartial) {
  std::filesystem::copy_file(path, partial);
  directory.flip(k4MB.start(kNo));
  EXPECT_FALSE(holds_noise(*opened()));
  EXPECT_EQ(Segment::find(path), opened()->id());
}

TEST_F(SegmentTest, ThePartialDoesNotStandInForASegmentThatCannotBeOpened) {
  std::filesystem::rename(path, partial);
  std::filesystem::create_symlink(path, path);
  const auto segment = open();
  ASSERT_FALSE(segment);
  EXPECT_EQ(segment.error().what,
            "could not open file \"" + path + "\": Too many levels of symbolic links");
  EXPECT_EQ(segment.error().kind->code, "XX000");
  EXPECT_EQ(Segment::find(path), std::nullopt);
}

TEST_F(SegmentTest, AMissingFileIsAnErrorThatNamesTheSegment) {
  directory.remove(kNo);
  const auto segment = open();
  ASSERT_FALSE(segment);
  EXPECT_EQ(segment.error().what,
            "could not open file \"" + path + "\": No such file or directory");
  EXPECT_EQ(segment.error().kind, &runtime::kFileMissing);
  EXPECT_EQ(segment.error().kind->code, "58P01");
}

TEST_F(SegmentTest, AFileThatMayNotBeReadIsAnError) {
  std::filesystem::permissions(path, std::filesystem::perms::none);
  const tests::Unprivileged user;
  if (!user.is_effective()) GTEST_SKIP() << "root cannot be another user here";
  const auto segment = open();
  ASSERT_FALSE(segment);
  EXPECT_EQ(segment.error().what, "could not open file \"" + path + "\": Permission denied");
  EXPECT_EQ(segment.error().kind->code, "42501");
}

// pg_receivewal has filled the segment.
TEST_F(SegmentTest, ARenameBetweenTwoLooksHidesNoFile) {
  std::filesystem::rename(path, partial);
  {
    const tests::AfterLook renamed([&] { std::filesystem::rename(partial, path); });
    const auto segment = open();
    ASSERT_TRUE(segment) << segment.error().what;
    EXPECT_TRUE(holds_noise(**segment));
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  std::filesystem::rename(path, partial);
  const tests::AfterLook renamed([&] { std::filesystem::rename(partial, path); });
  EXPECT_TRUE(Segment::find(path));
}

TEST_F(SegmentTest, FindTellsTheFileThatOpenWouldOpen) {
  EXPECT_EQ(Segment::find(path), opened()->id());
  std::filesystem::rename(path, partial);
  EXPECT_EQ(Segment::find(path), opened()->id());
  std::filesystem::remove(partial);
  EXPECT_EQ(Segment::find(path), std::nullopt);
}

TEST_F(SegmentTest, ARenamedFileStaysTheSame) {
  std::filesystem::rename(path, partial);
  const auto segment = opened();
  std::filesystem::rename(partial, path);
  EXPECT_EQ(Segment::find(path), segment->id());
  EXPECT_EQ(opened()->id(), segment->id());
  std::filesystem::rename(path, partial);
  std::filesystem::remove(partial);
  EXPECT_TRUE(holds_noise(*segment)) << "what is open stays open";
}

TEST_F(SegmentTest, AFileThatTakesItsPlaceIsAnother) {
  const auto segment = opened();
  directory.replace(kNo);
  directory.flip(k4MB.start(kNo));
  const auto other = opened();
  EXPECT_EQ(Segment::find(path), other->id());
  EXPECT_NE(other->id(), segment->id());
  EXPECT_TRUE(holds_noise(*segment));
  EXPECT_FALSE(holds_noise(*other));
}

// A file system gives the number of a file that is gone to the next one.
TEST_F(SegmentTest, NoLaterFileIsTheSameWhileOneIsOpen) {
  const auto segment = opened();
  for (int i = 0; i < 3; ++i) {
    directory.remove(kNo);
    directory.write(k4MB.start(kNo), noise);
    EXPECT_NE(Segment::find(path), segment->id());
  }
}

TEST_F(SegmentTest, TheLastUserClosesTheFile) {
  auto segment = opened();
  auto other_user = segment;
  const int fd = segment->fd();
  segment.reset();
  EXPECT_NE(::fcntl(fd, F_GETFD), -1);
  other_user.reset();
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

// What was written is in the page cache, and the hole behind it is not.
TEST_F(SegmentTest, ARangeIsResidentIfAllItsPagesAre) {
  const auto segment = opened();
  constexpr std::uint32_t kHole = 1u << 20;
  EXPECT_TRUE(segment->is_resident(0, 98'304));
  EXPECT_TRUE(segment->is_resident(8192, 100)) << "part of a page";
  EXPECT_FALSE(segment->is_resident(kHole, kSliceBytes));
  EXPECT_FALSE(segment->is_resident(kHole, 1));
  EXPECT_FALSE(segment->is_resident(0, kSliceBytes)) << "only its begin is";
  directory.write(k4MB.start(kNo) + kHole, noise);
  EXPECT_TRUE(segment->is_resident(kHole, 98'304));
}

// The kernel says to a user who is neither the owner nor may write the file that all is cached;
// that is not believed of a file of another user.
TEST_F(SegmentTest, OnlyOfItsOwnFilesItIsKnownWhatIsResident) {
  constexpr uid_t kOtherUser = 65534;
  EXPECT_TRUE(opened()->is_known_resident(0, 98'304));
  EXPECT_FALSE(opened()->is_known_resident(1u << 20, 1));
  if (::chown(path.c_str(), kOtherUser, static_cast<gid_t>(-1)) != 0) {
    GTEST_SKIP() << "only root may give a file away";
  }
  EXPECT_TRUE(opened()->is_resident(0, 98'304));
  EXPECT_FALSE(opened()->is_known_resident(0, 98'304));
}

// Reading through a mapping beyond the file's end would be the end of the process.
TEST_F(SegmentTest, AFileThatIsTruncatedWhileItIsOpenDoesNoHarm) {
  const auto segment = opened();
  directory.truncate(k4MB.start(kNo));
  EXPECT_FALSE(segment->is_resident(0, 8192));
  EXPECT_TRUE(bytes(*segment, 0, 8192).empty());
}

}  // namespace
}  // namespace server::wal
