#include "server/wal/inventory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "runtime/errors.h"
#include "server/wal/names.h"
#include "tests/support/wal_directory.h"
#include "tests/wal/samples.h"

namespace server::wal {
namespace {

using tests::builder_of;
using tests::filling;
using tests::identity_of;
using tests::WalDirectory;

const Identity kIdentity = identity_of(1);
const SegmentSize kSize = kIdentity.segment_size;
constexpr TimelineId kFirst{1};
constexpr TimelineId kSecond{2};

void write_file(const std::string& path, std::string_view text) { std::ofstream(path) << text; }

Inventory taken(const std::string& directory) {
  auto inventory = take_inventory(directory);
  CHECK(inventory.has_value());
  return std::move(inventory).value();
}

runtime::Error refused(const std::string& directory) {
  auto inventory = take_inventory(directory);
  CHECK(!inventory.has_value());
  return inventory.error();
}

EndOfWal end_of(const std::string& directory) {
  auto end = find_end_of_wal(directory, taken(directory));
  CHECK(end.has_value());
  return *end;
}

class InventoryTest : public testing::Test {
 protected:
  // WAL that ends in segment `last`, after some records.
  void fill(std::uint64_t last) {
    while (builder.end() < kSize.start(SegmentNo{last}) + 50000)
      builder.append_noop(filling(30011));
    directory.write(builder);
  }
  std::string segment(std::uint64_t no) const { return directory.segment_path(SegmentNo{no}); }
  const std::string& path() const { return directory.path(); }

  WalDirectory directory{kFirst, kSize};
  WalBuilder builder = builder_of(kIdentity);
};

TEST_F(InventoryTest, KnowsWhatADirectoryHolds) {
  fill(4);
  write_file(path() + "/xlogtemp.1", "");
  std::filesystem::create_directory(path() + "/archive_status");
  const Inventory inventory = taken(path());
  EXPECT_EQ(inventory.identity, kIdentity);
  EXPECT_EQ(inventory.history.tip(), kFirst);
  EXPECT_EQ(inventory.oldest, SegmentNo{1});
  EXPECT_EQ(inventory.newest, SegmentNo{4});
  EXPECT_TRUE(inventory.warnings.empty());
  const EndOfWal end = end_of(path());
  EXPECT_EQ(end.end, builder.end());
  EXPECT_EQ(end.last_record, builder.previous_record());
  EXPECT_FALSE(end.stopped_by);
}

TEST_F(InventoryTest, TakesEverySegmentSizeAndVersion) {
  for (const std::uint32_t mb : {1u, 16u, 1024u}) {
    const Identity identity = identity_of(mb, mb == 1 ? 0xD106 : 0xD118);
    WalDirectory other(kFirst, identity.segment_size);
    WalBuilder wal = builder_of(identity);
    wal.append_noop(filling(100));
    other.write(wal);
    EXPECT_EQ(taken(other.path()).identity, identity);
    EXPECT_EQ(end_of(other.path()).end, wal.end());
  }
}

TEST_F(InventoryTest, RecycledAndPreallocatedSegmentsAreNoWal) {
  fill(4);
  std::filesystem::copy(segment(1), segment(5));
  std::filesystem::copy(segment(2), segment(6));
  write_file(segment(7), "");
  std::filesystem::resize_file(segment(7), kSize.bytes());
  write_file(segment(8), "cut short");
  EXPECT_EQ(taken(path()).newest, SegmentNo{4});
  EXPECT_EQ(end_of(path()).end, builder.end());
}

TEST_F(InventoryTest, WalEndsWhereARecycledSegmentStillHasItsOldPages) {
  fill(4);
  const Lsn end = builder.end();
  const Lsn old = kSize.start(SegmentNo{2}) + kSize.offset(end.page_start()) + kPageBytes;
  directory.write(end.page_start() + kPageBytes, directory.read(old, kSize.end(SegmentNo{2})));
  EXPECT_EQ(end_of(path()).end, end);
}

TEST_F(InventoryTest, APartialSegmentCounts) {
  fill(3);
  std::filesystem::rename(segment(3), segment(3) + ".partial");
  EXPECT_EQ(taken(path()).newest, SegmentNo{3});
  EXPECT_EQ(end_of(path()).end, builder.end());
}

TEST_F(InventoryTest, WhatLiesBeforeAGapIsNotServed) {
  fill(5);
  directory.remove(SegmentNo{2});
  const Inventory inventory = taken(path());
  EXPECT_EQ(inventory.oldest, SegmentNo{3});
  ASSERT_EQ(inventory.warnings.size(), 1u);
  EXPECT_EQ(inventory.warnings[0],
            "WAL segment 000000010000000000000002 is missing, so WAL before 0/300000 cannot be "
            "served");
}

TEST_F(InventoryTest, ARecordMayReachOverManySegmentsToTheEnd) {
  builder.append_noop(filling(100));
  builder.append_noop(filling(5u << 20));
  directory.write(builder);
  const Lsn end = builder.end();
  EXPECT_EQ(end_of(path()).end, end);
  directory.truncate(end - 1);
  EXPECT_EQ(end_of(path()).end, builder.previous_record());
  for (const std::uint64_t no : {1u, 2u, 3u}) directory.remove(SegmentNo{no});
  const EndOfWal none = end_of(path());
  EXPECT_LE(none.end, kSize.start(SegmentNo{5}));
  EXPECT_FALSE(none.last_record.valid());
}

TEST_F(InventoryTest, ABreakInTheSegmentBeforeTheNewestIsTheEnd) {
  fill(4);
  const Lsn torn = kSize.start(SegmentNo{3}) + 500'000;
  directory.flip(torn);
  const EndOfWal end = end_of(path());
  EXPECT_LE(end.end, torn);
  EXPECT_GT(end.end, torn - 40'000);
  ASSERT_TRUE(end.stopped_by);
  EXPECT_EQ(end.stopped_by->kind, FaultKind::kChecksum);
  directory.flip(torn);
  directory.truncate(torn);
  EXPECT_TRUE(end_of(path()).stopped_by);
}

TEST_F(InventoryTest, OlderSegmentsAreTakenAsTheyAre) {
  fill(5);
  directory.flip(kSize.start(SegmentNo{2}) + 500'000);
  const EndOfWal end = end_of(path());
  EXPECT_EQ(end.end, builder.end());
  EXPECT_FALSE(end.stopped_by);
}

// A promoted standby: its first segment is a copy of its parent's, up to the fork.
class ForkedTest : public InventoryTest {
 protected:
  ForkedTest() {
    fill(3);
    fork = builder.end();
    const Lsn start = kSize.start(SegmentNo{3});
    child.write(start, directory.read(start, fork));
    WalBuilder more(kIdentity, kSecond, fork, builder.previous_record());
    while (more.end() < kSize.start(SegmentNo{4}) + 50000) more.append_noop(filling(20011));
    child.write(more);
    for (const auto& file : std::filesystem::directory_iterator(child.path())) {
      std::filesystem::copy(file.path(), path());
    }
    end = more.end();
  }

  std::string child_path(std::uint64_t no) const {
    return path() + "/" + segment_name(kSecond, SegmentNo{no}, kSize);
  }

  WalDirectory child{kSecond, kSize};
  Lsn fork;
  Lsn end;
};

TEST_F(ForkedTest, TheNewestTimelineIsServedAlongItsHistory) {
  write_file(path() + "/00000002.history", "1\t" + to_string(fork) + "\tpromoted\n");
  // The old primary went on for a while: that is no part of this history.
  fill(9);
  const Inventory inventory = taken(path());
  EXPECT_EQ(inventory.history.tip(), kSecond);
  EXPECT_EQ(inventory.history.switch_point(kFirst), fork);
  EXPECT_EQ(inventory.oldest, SegmentNo{1});
  EXPECT_EQ(inventory.newest, SegmentNo{4});
  EXPECT_TRUE(inventory.warnings.empty());
  EXPECT_EQ(end_of(path()).end, end);
}

TEST_F(ForkedTest, TheParentsForkedSegmentIsNotNeeded) {
  write_file(path() + "/00000002.history", "1\t" + to_string(fork) + "\tpromoted\n");
  directory.remove(SegmentNo{3});
  EXPECT_EQ(taken(path()).oldest, SegmentNo{1});
}

TEST_F(ForkedTest, WithoutItsHistoryATimelineHasNoParents) {
  const Inventory inventory = taken(path());
  EXPECT_EQ(inventory.history.tip(), kSecond);
  EXPECT_FALSE(inventory.history.contains(kFirst));
  EXPECT_EQ(inventory.oldest, SegmentNo{3});
  ASSERT_EQ(inventory.warnings.size(), 1u);
  EXPECT_EQ(inventory.warnings[0], "could not open file \"" + path() +
                                       "/00000002.history\": No such file or directory; timeline 2 "
                                       "has no known parents");
  EXPECT_EQ(end_of(path()).end, end);
}

TEST_F(ForkedTest, ABadHistoryIsAnError) {
  write_file(path() + "/00000002.history", "one\n");
  EXPECT_EQ(refused(path()).what, "syntax error in history file: one");
}

TEST_F(ForkedTest, ATimelineWithoutAnyWalIsNotTheTip) {
  write_file(path() + "/00000002.history", "1\t" + to_string(fork) + "\tpromoted\n");
  write_file(path() + "/00000003.history", "2\t" + to_string(end) + "\tpromoted\n");
  std::filesystem::copy(segment(1), path() + "/000000030000000000000005");  // recycled
  EXPECT_EQ(taken(path()).history.tip(), kSecond);
}

Inventory taken(const std::string& directory, const TimelineTarget& target) {
  auto inventory = take_inventory(directory, target);
  CHECK(inventory.has_value());
  return std::move(inventory).value();
}
constexpr TimelineTarget kCurrent{.kind = TimelineTarget::Kind::kCurrent};
constexpr TimelineTarget number(std::uint32_t timeline) {
  return {.kind = TimelineTarget::Kind::kNumber, .number = TimelineId{timeline}};
}

// A restore test forks before the promotion, and archives into the same directory.
TEST_F(ForkedTest, ATimelineThatHasForkedEarlierTakesNothingOver) {
  write_file(path() + "/00000002.history", "1\t" + to_string(fork) + "\tpromoted\n");
  write_file(path() + "/00000003.history", "1\t0/200100\trestore test\n");
  WalBuilder test(kIdentity, TimelineId{3}, kSize.start(SegmentNo{9}), Lsn(8));
  test.append_noop(filling(100));
  WalDirectory third(TimelineId{3}, kSize);
  third.write(test);
  std::filesystem::copy(third.segment_path(SegmentNo{9}), path() + "/000000030000000000000009");
  const Inventory inventory = taken(path(), {});
  EXPECT_EQ(inventory.history.tip(), kSecond);
  EXPECT_EQ(inventory.newest, SegmentNo{4});
  ASSERT_EQ(inventory.warnings.size(), 1u);
  EXPECT_NE(inventory.warnings[0].find("00000003.history"), std::string::npos);
  EXPECT_EQ(taken(path(), kCurrent).history.tip(), kFirst);
  EXPECT_EQ(taken(path(), number(3)).newest, SegmentNo{9});
  EXPECT_TRUE(taken(path(), number(2)).warnings.empty());
  EXPECT_EQ(take_inventory(path(), number(4)).error().what,
            "recovery target timeline 4 does not exist");
}

TEST_F(ForkedTest, AHistoryFileOfNoUseIsNamedAndItsTimelineNotServed) {
  for (const char* text : {"", "one\n", "1\t0/2"}) {
    write_file(path() + "/00000002.history", text);
    const Inventory inventory = taken(path(), {});
    EXPECT_EQ(inventory.history.tip(), kFirst);
    ASSERT_EQ(inventory.warnings.size(), 2u);
    EXPECT_NE(inventory.warnings[0].find("history file \"00000002.history\" is of no use: "),
              std::string::npos);
    EXPECT_FALSE(take_inventory(path(), number(2))) << "it is not one without parents";
  }
}

TEST_F(ForkedTest, TheParentsWalEndsAtTheForkOfAChildWithoutWal) {
  for (const std::uint64_t no : {3u, 4u}) std::filesystem::remove(child_path(no));
  fill(9);
  write_file(path() + "/00000002.history", "1\t" + to_string(fork) + "\tpromoted\n");
  const Inventory inventory = taken(path(), {});
  EXPECT_EQ(inventory.history.tip(), kFirst);
  EXPECT_EQ(inventory.end_max, fork);
  EXPECT_EQ(inventory.forked, kSecond);
  EXPECT_EQ(taken(path(), kCurrent).end_max, Lsn::max());
}

TEST_F(InventoryTest, NoDirectoryIsAnError) {
  const auto error = refused(path() + "/none");
  EXPECT_EQ(error.what,
            "could not open directory \"" + path() + "/none\": No such file or directory");
  EXPECT_EQ(error.kind, &runtime::kFileMissing);
}

TEST_F(InventoryTest, ADirectoryWithoutWalIsAnError) {
  EXPECT_EQ(refused(path()).what, "could not find any WAL file in directory \"" + path() + "\"");
  write_file(path() + "/00000002.history", "");
  EXPECT_EQ(refused(path()).kind, &kNoWal);
}

TEST_F(InventoryTest, SegmentsThatAreAllInvalidAreAnErrorThatSaysWhy) {
  write_file(segment(1), "");
  std::filesystem::resize_file(segment(1), kSize.bytes());
  const auto error = refused(path());
  EXPECT_EQ(error.kind, &kNoWal);
  EXPECT_EQ(error.what, "could not find any valid WAL file in directory \"" + path() + "\"");
  EXPECT_EQ(error.detail,
            "The newest one is none: invalid magic number 0000 in log segment "
            "000000010000000000000001, offset 0.");
}

TEST_F(InventoryTest, AVersionThatIsNotKnownIsAnErrorThatNamesIt) {
  WalBuilder newer = builder_of(identity_of(1, 0xD120));
  newer.append_noop(filling(100));
  directory.write(newer);
  const auto error = refused(path());
  EXPECT_EQ(error.kind, &kUnsupportedWal);
  EXPECT_EQ(error.what,
            "invalid magic number D120 in log segment 000000010000000000000001, offset 0");
}

TEST_F(InventoryTest, ASegmentOfAnotherSystemIsAnError) {
  fill(5);
  Identity foreign = kIdentity;
  foreign.system_identifier = 7;
  for (const std::uint64_t no : {1u, 4u}) {
    const Lsn start = kSize.start(SegmentNo{no});
    const auto own = directory.read(start, start + kPageBytes);
    WalBuilder other(foreign, kFirst, start, Lsn(8));
    other.append_noop(filling(100));
    directory.write(other);
    const auto error = refused(path());
    EXPECT_EQ(error.kind, &kForeignWal);
    EXPECT_EQ(error.what,
              "WAL file is from different database system: WAL file database system identifier is "
              "7, pg_control database system identifier is 81985529216486895");
    directory.write(start, own);
  }
  EXPECT_EQ(taken(path()).newest, SegmentNo{5});
}

}  // namespace
}  // namespace server::wal
