#include "server/wal/next_xid.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "server/wal/format.h"
#include "tests/wal/reader_rig.h"

namespace server::wal {
namespace {

constexpr std::uint64_t full(std::uint32_t epoch, std::uint32_t id) {
  return (std::uint64_t{epoch} << 32) | id;
}

// Main data of a record with this number at an offset, and something else around it.
template <typename T>
std::vector<std::byte> data_with(std::size_t offset, T value, std::size_t size) {
  std::vector<std::byte> data(size, std::byte{0xEE});
  std::memcpy(data.data() + offset, &value, sizeof(value));
  return data;
}

struct XidClockTest : tests::ReaderTest {
  XidClockTest() { seek(begin()); }

  NextXid after() {
    write();
    advance();
    return reader.next_xid();
  }
  NextXid after_record_of(TransactionId xid) {
    builder.set_xid(xid);
    append(50);
    builder.set_xid(kInvalidTransactionId);
    return after();
  }
  // As a server of version 15 writes them.
  NextXid after_checkpoint(std::uint8_t info, std::uint64_t next) {
    builder.append(kRmgrXlog, info, data_with(24, next, 88));
    return after();
  }
  NextXid after_running_xacts(TransactionId next, std::size_t size = 24) {
    builder.append(kRmgrStandby, kStandbyRunningXacts, data_with(12, next, size));
    return after();
  }
};

TEST_F(XidClockTest, KnowsTheIdFromAnyRecordAndTheEpochFromACheckpoint) {
  EXPECT_EQ(after_record_of(700), (NextXid{701, {}}));
  EXPECT_EQ(after_checkpoint(kXlogCheckpointOnline, full(3, 650)), (NextXid{701, 3}))
      << "it was begun before";
  EXPECT_EQ(after_checkpoint(kXlogCheckpointOnline, full(3, 800)), (NextXid{800, 3}));
  EXPECT_EQ(after_record_of(810), (NextXid{811, 3}));
  EXPECT_EQ(after_checkpoint(kXlogCheckpointShutdown, full(4, 9)), (NextXid{9, 4}))
      << "nothing runs, so it is exact";
}

TEST_F(XidClockTest, TheEpochMovesOnWhereIdsComeRound) {
  after_checkpoint(kXlogCheckpointOnline, full(1, 0xFFFFFFF0));
  EXPECT_EQ(after_record_of(0xFFFFFFFE), (NextXid{0xFFFFFFFF, 1}));
  EXPECT_EQ(after_record_of(0xFFFFFFFF), (NextXid{3, 2})) << "0 to 2 are no transactions";
  EXPECT_EQ(after_record_of(0xFFFFFFFD), (NextXid{3, 2})) << "an older one goes on";
  EXPECT_EQ(after_checkpoint(kXlogCheckpointOnline, full(1, 0xFFFFFFF8)), (NextXid{3, 2}));
}

TEST_F(XidClockTest, ACheckpointOfTheEpochBeforeTellsTheNewOne) {
  after_record_of(5);
  EXPECT_EQ(after_checkpoint(kXlogCheckpointOnline, full(1, 0xFFFFFFF8)), (NextXid{6, 2}));
}

TEST_F(XidClockTest, RunningTransactionsTellOfThoseWithoutARecord) {
  after_record_of(700);
  EXPECT_EQ(after_running_xacts(720), (NextXid{720, {}}));
  EXPECT_EQ(after_running_xacts(710), (NextXid{720, {}}));
  EXPECT_EQ(after_running_xacts(730, /*size=*/2'000), (NextXid{730, {}})) << "with a long header";
}

TEST_F(XidClockTest, WhatIsTooShortOrNoTransactionSaysNothing) {
  after_record_of(700);
  builder.append(kRmgrXlog, kXlogCheckpointOnline, data_with(0, full(1, 900), 24));
  builder.append(kRmgrStandby, kStandbyRunningXacts, data_with(0, TransactionId{900}, 12));
  EXPECT_EQ(after(), (NextXid{701, {}}));
  EXPECT_EQ(after_checkpoint(kXlogCheckpointOnline, full(1, 2)), (NextXid{701, {}}));
}

TEST_F(XidClockTest, ARecordMayBeginAtAnyOffsetOfAPage) {
  for (std::uint32_t id = 1'000; id < 3'000; id += 8) {
    builder.append(kRmgrXlog, kXlogNoop, std::vector<std::byte>(id % 200));
    ASSERT_EQ(after_checkpoint(kXlogCheckpointOnline, full(2, id)), (NextXid{id, 2}));
  }
}

TEST_F(XidClockTest, TheSpanOfAWalShowsIt) {
  builder.append(kRmgrXlog, kXlogCheckpointOnline, data_with(24, full(2, 77), 88));
  write();
  const auto spans = advance();
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0].next_xid, (NextXid{77, 2}));
}

// walsender.c, TransactionIdInRecentPast.
TEST(RecentPastTest, IsWhatPostgresTakes) {
  const NextXid next{1000, 5};
  EXPECT_TRUE(is_in_recent_past(full(5, 1000), next));
  EXPECT_TRUE(is_in_recent_past(full(5, 3), next));
  EXPECT_TRUE(is_in_recent_past(full(4, 0xFFFFFFF0), next)) << "of the epoch before";
  EXPECT_TRUE(is_in_recent_past(full(4, 1000 + (1u << 31)), next));
  EXPECT_FALSE(is_in_recent_past(full(4, 999 + (1u << 31)), next)) << "it has come round";
  EXPECT_FALSE(is_in_recent_past(full(4, 1000), next)) << "the epoch is behind";
  EXPECT_FALSE(is_in_recent_past(full(6, 1000), next)) << "the epoch is ahead";
  EXPECT_FALSE(is_in_recent_past(full(0, 1000), next));
  EXPECT_FALSE(is_in_recent_past(full(5, 3'000'000'000), next)) << "it is ahead";
  EXPECT_TRUE(is_in_recent_past(full(5, 1010), next)) << "it may have no record";
  EXPECT_FALSE(is_in_recent_past(full(5, 1001 + kXidsAheadMax), next));
}

TEST(RecentPastTest, WhatIsNotKnownIsNotHeldAgainstIt) {
  EXPECT_TRUE(is_in_recent_past(full(7, 5), {}));
  EXPECT_TRUE(is_in_recent_past(full(7, 900), {1000, {}}));
  EXPECT_FALSE(is_in_recent_past(full(7, 3'000'000 + 1000), {1000, {}})) << "whatever its epoch";
}

}  // namespace
}  // namespace server::wal
