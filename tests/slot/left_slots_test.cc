#include "server/slot/left_slots.h"

#include <gtest/gtest.h>

#include "tests/support/logged.h"

namespace server::slot {
namespace {

using std::chrono::seconds;

constexpr runtime::Instant kStart{seconds(1000)};

struct LeftSlotsTest : testing::Test {
  std::string look(runtime::Duration later, const std::vector<SlotInfo>& slots,
                   wal::TransactionId next = 1000) {
    return tests::logged([&] { left.look(slots, next, kStart + later); });
  }

  SlotInfo slot{.name = "s1", .restart_lsn = {}, .xmin = {.data = 700, .catalog = 0}};
  LeftSlots left;
};

TEST_F(LeftSlotsTest, OneThatHoldsAnXminIsNamedWithItsAge) {
  EXPECT_EQ(look(seconds(0), {slot}), "");
  EXPECT_EQ(look(seconds(59), {slot}), "") << "a standby may restart";
  const std::string log = look(seconds(60), {slot});
  EXPECT_NE(log.find("WARNING:  replication slot \"s1\" has not been used for 60 s and holds back "
                     "xmin 700, which is 300 transactions old"),
            std::string::npos)
      << log;
  EXPECT_EQ(look(seconds(70), {slot}), "") << "once";
  EXPECT_NE(look(seconds(60) + LeftSlots::kRepeat, {slot}), "");
}

TEST_F(LeftSlotsTest, OneThatIsUsedOrHoldsNothingIsNot) {
  SlotInfo used = slot;
  used.active_pid = 7;
  SlotInfo nothing = slot;
  nothing.name = "s2";
  nothing.xmin = {};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(look(seconds(60 * i), {used, nothing}), "");
  EXPECT_EQ(look(seconds(600), {slot}), "");
  EXPECT_EQ(look(seconds(620), {used}), "") << "its time begins anew";
  EXPECT_EQ(look(seconds(670), {slot}), "");
  EXPECT_NE(look(seconds(730), {slot}), "");
}

// The primary ignores it, and so nothing is held back.
TEST_F(LeftSlotsTest, OneWhoseXminLiesInTheFutureHoldsNothing) {
  slot.xmin = {.data = 2'000'000, .catalog = 0};
  EXPECT_EQ(look(seconds(0), {slot}) + look(seconds(60), {slot}), "");
  EXPECT_EQ(look(seconds(70), {slot}, 2'000'100), "") << "its time begins now";
  EXPECT_NE(look(seconds(130), {slot}, 2'000'100).find("which is 100 transactions old"),
            std::string::npos);
}

TEST_F(LeftSlotsTest, TheOlderOfTwoCounts) {
  slot.xmin = {.data = 700, .catalog = 600};
  look(seconds(0), {slot});
  EXPECT_NE(look(seconds(60), {slot}).find("xmin 600, which is 400"), std::string::npos);
}

}  // namespace
}  // namespace server::slot
