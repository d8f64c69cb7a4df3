#include "server/stats/slot_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace server::stats {
namespace {

using testing::Optional;

constexpr std::uint64_t kMegabyte = 1 << 20;
const wal::SegmentSize kSize(1 << 20);

wal::Lsn segment(std::uint64_t no, std::uint64_t offset = 0) {
  return wal::Lsn(no * kMegabyte + offset);
}

SlotStatus status(std::uint64_t restart, std::optional<std::uint64_t> keep_max = std::nullopt) {
  const slot::SlotInfo slot{.name = "s", .restart_lsn = segment(restart, 100)};
  return status_of(slot, {kSize, 2 * kMegabyte, keep_max}, segment(5), segment(20, 500));
}

TEST(SlotRulesTest, ASlotWithoutAPositionKeepsNothing) {
  const SlotStatus slot =
      status_of({.name = "s", .restart_lsn = {}}, {kSize, 0, {}}, {}, segment(20));
  EXPECT_EQ(slot.wal_status, WalStatus::kNone);
  EXPECT_EQ(slot.safe_wal_bytes, std::nullopt);
  EXPECT_EQ(slot.retained_bytes, 0u);
}

TEST(SlotRulesTest, WithinWalKeepSizeItIsReserved) {
  EXPECT_EQ(status(20).wal_status, WalStatus::kReserved);
  EXPECT_EQ(status(18).wal_status, WalStatus::kReserved);
  EXPECT_EQ(status(17).wal_status, WalStatus::kExtended);
  EXPECT_EQ(status(17).retained_bytes, 3 * kMegabyte + 400);
}

TEST(SlotRulesTest, WithoutALimitAnySlotIsSafe) {
  EXPECT_EQ(status(5).wal_status, WalStatus::kExtended);
  EXPECT_EQ(status(5).safe_wal_bytes, std::nullopt);
}

TEST(SlotRulesTest, BeyondItsLimitItsWalMayGo) {
  EXPECT_EQ(status(16, 4 * kMegabyte).wal_status, WalStatus::kExtended);
  EXPECT_THAT(status(16, 4 * kMegabyte).safe_wal_bytes, Optional(kMegabyte - 500));
  EXPECT_EQ(status(15, 4 * kMegabyte).wal_status, WalStatus::kUnreserved);
  EXPECT_THAT(status(15, 4 * kMegabyte).safe_wal_bytes, Optional(-500));
}

// Of the two sizes the larger one counts (slotfuncs.c).
TEST(SlotRulesTest, ALimitBelowWalKeepSizeIsNoneOfItsOwn) {
  EXPECT_EQ(status(18, 0).wal_status, WalStatus::kReserved);
  EXPECT_EQ(status(17, 0).wal_status, WalStatus::kUnreserved);
  EXPECT_THAT(status(18, 0).safe_wal_bytes, Optional(kMegabyte - 500));
}

TEST(SlotRulesTest, WalThatIsGoneIsLost) {
  EXPECT_EQ(status(4).wal_status, WalStatus::kLost);
  EXPECT_EQ(status(4, 4 * kMegabyte).wal_status, WalStatus::kLost);
}

}  // namespace
}  // namespace server::stats
