// slots.h's notify_when_free(): what DROP_REPLICATION_SLOT ... WAIT waits for.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "server/slot/slots.h"
#include "tests/slot/said.h"
#include "tests/support/disk_calls.h"
#include "tests/support/temp_dir.h"

namespace server::slot {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tests::said;
using wal::Lsn;

struct SlotsWaitTest : testing::Test {
  SlotsWaitTest() {
    EXPECT_EQ(said(slots_.load()), "");
    held_ = *slots_.create("held", Persistence::kPersistent, {7}, Lsn());
    EXPECT_EQ(said(slots_.create("temporary", Persistence::kTemporary, {8}, Lsn())), "");
  }

  // Notes `who` in told_ when the slot is free.
  std::optional<WaitId> wait(std::string_view name, std::string who) {
    return slots_.notify_when_free(name, [this, who] { told_.push_back(who); });
  }

  tests::TempDir dir_;
  Slots slots_{{.directory = dir_.path(), .slots_max = 5}};
  Slot* held_;
  std::vector<std::string> told_;
};

TEST_F(SlotsWaitTest, NobodyWaitsForWhatIsFreeOrMissing) {
  slots_.release(*held_);
  EXPECT_EQ(wait("held", "a"), std::nullopt);
  EXPECT_EQ(wait("missing", "a"), std::nullopt);
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(SlotsWaitTest, AReleaseTellsAllThatWaitForThatSlotOnce) {
  EXPECT_TRUE(wait("held", "a").has_value());
  EXPECT_TRUE(wait("held", "b").has_value());
  EXPECT_TRUE(wait("temporary", "c").has_value());
  EXPECT_THAT(told_, IsEmpty());
  slots_.release(*held_);
  EXPECT_THAT(told_, ElementsAre("a", "b"));
  slots_.release(**slots_.acquire("held", {9}));
  EXPECT_THAT(told_, ElementsAre("a", "b"));
}

TEST_F(SlotsWaitTest, AWaiterThatLosesTheRaceMayWaitAgain) {
  EXPECT_TRUE(wait("held", "a").has_value());
  slots_.release(*held_);
  EXPECT_EQ(said(slots_.acquire("held", {9})), "");
  EXPECT_EQ(said(slots_.drop("held", {10})), "55006 replication slot \"held\" is active for PID 9");
  EXPECT_TRUE(wait("held", "a").has_value());
  slots_.release(*held_);
  EXPECT_THAT(told_, ElementsAre("a", "a"));
}

TEST_F(SlotsWaitTest, AWaiterThatIsToldMayUseTheSlots) {
  EXPECT_TRUE(
      slots_.notify_when_free("held", [this] { told_.push_back(said(slots_.drop("held", {9}))); })
          .has_value());
  slots_.release(*held_);
  EXPECT_THAT(told_, ElementsAre(""));
  EXPECT_EQ(slots_.read("held"), std::nullopt);
}

TEST_F(SlotsWaitTest, ReleasingATemporarySlotDoesNotFreeIt) {
  EXPECT_TRUE(wait("temporary", "a").has_value());
  slots_.release(**slots_.acquire("temporary", {8}));
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(SlotsWaitTest, ADropTells) {
  EXPECT_TRUE(wait("temporary", "a").has_value());
  EXPECT_EQ(said(slots_.drop("temporary", {8})), "");
  EXPECT_THAT(told_, ElementsAre("a"));
}

TEST_F(SlotsWaitTest, TheEndOfASessionTells) {
  EXPECT_TRUE(wait("temporary", "a").has_value());
  EXPECT_TRUE(wait("held", "b").has_value());
  slots_.drop_temporary(8);
  EXPECT_THAT(told_, ElementsAre("a"));
}

// While a slot is being dropped, the session that drops it holds it.
TEST_F(SlotsWaitTest, AWaiterForADropIsToldHoweverItEnds) {
  slots_.release(*held_);
  for (const int sys_errno : {EIO, 0}) {
    told_.clear();
    const tests::DiskHook hook(dir_.path(), [&](const tests::DiskCall& call) {
      if (call.name != "unlink") return 0;
      EXPECT_EQ(said(slots_.acquire("held", {10})),
                "55006 replication slot \"held\" is active for PID 9");
      EXPECT_TRUE(wait("held", "a").has_value());
      return sys_errno;
    });
    EXPECT_EQ(said(slots_.drop("held", {9})).empty(), sys_errno == 0);
    EXPECT_THAT(told_, ElementsAre("a"));
  }
}

TEST_F(SlotsWaitTest, AWaiterThatHasCancelledIsNotTold) {
  const auto a = wait("held", "a");
  const auto b = wait("held", "b");
  EXPECT_NE(a, b);
  EXPECT_TRUE(slots_.cancel(*a));
  EXPECT_FALSE(slots_.cancel(*a));
  slots_.release(*held_);
  EXPECT_THAT(told_, ElementsAre("b"));
  EXPECT_FALSE(slots_.cancel(*b));
}

}  // namespace
}  // namespace server::slot
