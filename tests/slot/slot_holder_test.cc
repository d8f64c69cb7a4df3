#include "server/slot/slot_holder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "runtime/clock.h"
#include "tests/slot/said.h"
#include "tests/support/disk_calls.h"
#include "tests/support/logged.h"
#include "tests/support/temp_dir.h"

namespace server::slot {
namespace {

using tests::said;
using wal::Lsn;

struct SlotHolderTest : testing::Test {
  SlotHolderTest() {
    EXPECT_EQ(said(slots.load()), "");
    holds.add(holder);
  }
  Slot& create(std::string_view name, Lsn lsn) {
    return **slots.create(name, Persistence::kPersistent, {1}, lsn);
  }

  tests::TempDir directory;
  runtime::FakeClock clock;
  Slots slots{{.directory = directory.path()}};
  SlotHolder holder{slots};
  wal::Holds holds{clock};
};

TEST_F(SlotHolderTest, EverySlotThatNeedsWalIsAHold) {
  create("b", Lsn(0x2000));
  create("a", Lsn(0x3000));
  create("unset", Lsn());
  const auto list = holds.list();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].who, "replication slot \"b\"");
  EXPECT_EQ(list[0].from, Lsn(0x2000));
  EXPECT_EQ(list[1].who, "replication slot \"a\"");
  EXPECT_EQ(holds.oldest(), slots.required_lsn());
}

TEST_F(SlotHolderTest, ASlotThatHasMovedHoldsLessWhenItHasSettled) {
  create("a", Lsn(0x2000)).advance(Lsn(0x5000));
  EXPECT_EQ(holds.oldest(), Lsn(0x2000));
  holds.settle(Lsn(0x2000));
  EXPECT_EQ(holds.oldest(), Lsn(0x2000)) << "which is in nobody's way";
  holds.settle(Lsn(0x2001));
  EXPECT_EQ(holds.oldest(), Lsn(0x5000));
}

TEST_F(SlotHolderTest, ASlotBeyondALimitIsInvalidated) {
  slots.release(create("a", Lsn(0x2000)));
  holds.release_before(Lsn(0x3000));
  EXPECT_TRUE(holds.list().empty());
  EXPECT_FALSE(slots.read("a")->restart_lsn.valid());
}

TEST_F(SlotHolderTest, AFailureIsLoggedAndKeepsTheWal) {
  create("a", Lsn(0x2000)).advance(Lsn(0x5000));
  const std::string log = tests::logged([&] {
    const tests::FailingDisk disk(directory.path(), 0, ENOSPC, tests::Failing::kFromThere);
    holds.settle(Lsn(0x3000));
  });
  EXPECT_EQ(tests::count_of(log, "No space left on device"), 1u) << log;
  EXPECT_EQ(holds.oldest(), Lsn(0x2000));
}

}  // namespace
}  // namespace server::slot
