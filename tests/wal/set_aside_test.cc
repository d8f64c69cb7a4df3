#include "server/wal/set_aside.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "server/wal/names.h"
#include "tests/support/temp_dir.h"

// Under which names WAL is set aside. What a start sets aside, and when that goes:
// spool_end_test.cc.

namespace server::wal {
namespace {

constexpr TimelineId kFirst{1};
constexpr SegmentNo kNo{7};
const SegmentSize kSize(1 << 20);

struct SetAsideTest : testing::Test {
  void put(const std::string& content) const {
    std::ofstream(segment(), std::ios::binary) << content;
  }
  std::string segment() const { return spool.file(segment_name(kFirst, kNo, kSize)); }
  std::string folder() const { return spool.file(std::string(SetAside::kFolder)); }
  // What a file has that was set aside; nothing if it is not there.
  std::string kept(const std::string& suffix) const {
    std::ifstream in(folder() + "/" + segment_name(kFirst, kNo, kSize) + suffix, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  tests::TempDir spool;
  SetAside aside{spool.path()};
};

TEST_F(SetAsideTest, ASegmentThatAnEarlierStartHasSetAsideStays) {
  for (const char* const content : {"first", "second", "third"}) {
    put(content);
    ASSERT_TRUE(aside.take_segment(kFirst, kNo, kSize));
    EXPECT_FALSE(std::filesystem::exists(segment()));
  }
  EXPECT_TRUE(aside.sync());
  EXPECT_EQ(kept(".00000000"), "first");
  EXPECT_EQ(kept(".00000000.2"), "second");
  EXPECT_EQ(kept(".00000000.3"), "third");
}

TEST_F(SetAsideTest, ARestThatAnEarlierStartHasSetAsideStays) {
  for (const char* const content : {"WAL, and more of it", "WAL, and more", "WAL: other"}) {
    put(content);
    ASSERT_TRUE(aside.take_rest(kFirst, kNo, kSize, 3));
  }
  EXPECT_EQ(kept(".00000003"), ", and more of it");
  EXPECT_EQ(kept(".00000003.2"), ", and more");
  EXPECT_EQ(kept(".00000003.3"), ": other");
}

// As by starts that are ended before they cut it from the segment.
TEST_F(SetAsideTest, ARestThatIsFoundAgainIsSetAsideOnce) {
  put("WAL, of which there is a lot");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(aside.take_rest(kFirst, kNo, kSize, 3));
  EXPECT_EQ(kept(".00000003"), ", of which there is a lot");
  EXPECT_FALSE(
      std::filesystem::exists(folder() + "/" + segment_name(kFirst, kNo, kSize) + ".00000003.2"));
}

TEST_F(SetAsideTest, AllOfASegmentGoWhenItsWalHasComeAgain) {
  for (int i = 0; i < 2; ++i) {
    put("WAL");
    ASSERT_TRUE(aside.take_segment(kFirst, kNo, kSize));
  }
  ASSERT_TRUE(aside.remove_before(next(kNo), TimelineHistory(kFirst), kSize));
  EXPECT_TRUE(std::filesystem::is_empty(folder()));
}

TEST_F(SetAsideTest, WhereThereIsNothingToSetAsideNoFolderIsMade) {
  ASSERT_TRUE(aside.take_segment(kFirst, kNo, kSize));
  ASSERT_TRUE(aside.sync());
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

}  // namespace
}  // namespace server::wal
