// What makes slots lose what they keep: WAL that is to go, and the xmin of their standbys.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/slot/slots.h"
#include "tests/slot/said.h"
#include "tests/support/logged.h"
#include "tests/support/temp_dir.h"

namespace server::slot {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tests::said;
using wal::Lsn;
using wal::Xmin;

constexpr auto kPersistent = Persistence::kPersistent;
constexpr auto kTemporary = Persistence::kTemporary;

struct SlotsObsoleteTest : testing::Test {
  SlotsObsoleteTest() { restart(); }

  // As after a crash.
  void restart() {
    horizon.clear();
    slots.emplace(
        Slots::Options{.directory = dir.path(),
                       .slots_max = 5,
                       .terminate = [this](std::int32_t pid) { terminated.push_back(pid); },
                       .xmin_changed =
                           [this](std::string_view name, Xmin xmin) {
                             if (slots->read(name))
                               holder_when_told = slots->read(name)->active_pid;
                             horizon[std::string(name)] = xmin;
                           }});
    EXPECT_EQ(said(slots->load()), "");
  }
  Slot& create(std::string_view name, std::int32_t pid, Lsn lsn,
               Persistence persistence = kPersistent) {
    auto slot = slots->create(name, persistence, {pid}, lsn);
    EXPECT_EQ(said(slot), "");
    return **slot;
  }
  void create_free(std::string_view name, Lsn lsn) { slots->release(create(name, 1, lsn)); }
  Lsn restart_lsn(std::string_view name) const { return slots->read(name)->restart_lsn; }
  Xmin xmin(std::string_view name) const { return slots->read(name)->xmin; }

  tests::TempDir dir;
  std::vector<std::int32_t> terminated;
  std::map<std::string, Xmin> horizon;
  std::int32_t holder_when_told = 0;
  std::optional<Slots> slots;
};

TEST_F(SlotsObsoleteTest, AFreeSlotIsInvalidatedForGood) {
  create_free("old", Lsn(0x5000));
  create_free("edge", Lsn(0x8000));
  create_free("unset", Lsn());
  const std::string log =
      tests::logged([&] { EXPECT_EQ(said(slots->invalidate_before(Lsn(0x8000))), ""); });
  EXPECT_EQ(tests::count_of(log,
                            "invalidating slot \"old\" because its restart_lsn 0/5000 exceeds "
                            "max_slot_wal_keep_size"),
            1u)
      << log;
  EXPECT_EQ(tests::count_of(log, "LOG:"), 1u) << log;
  EXPECT_EQ(*slots->read("old"), (SlotInfo{"old", kPersistent, Lsn(), 0}));
  EXPECT_EQ(restart_lsn("edge"), Lsn(0x8000));
  EXPECT_EQ(slots->required_lsn(), Lsn(0x8000));
  EXPECT_THAT(terminated, IsEmpty());
  restart();
  EXPECT_FALSE(restart_lsn("old").valid());
  EXPECT_EQ(restart_lsn("edge"), Lsn(0x8000));
}

TEST_F(SlotsObsoleteTest, AHolderIsToldOnceAndTheSlotIsLostWhenItLetsGo) {
  Slot& slot = create("s", 7, Lsn(0x5000));
  const std::string before = tests::logged([&] {
    EXPECT_EQ(said(slots->invalidate_before(Lsn(0x8000))), "");
    EXPECT_EQ(said(slots->invalidate_before(Lsn(0x9000))), "");
  });
  EXPECT_EQ(tests::count_of(before, "terminating process 7 to release replication slot \"s\""), 1u);
  EXPECT_EQ(tests::count_of(before, "invalidating"), 0u) << before;
  EXPECT_THAT(terminated, ElementsAre(7));
  EXPECT_EQ(slots->required_lsn(), Lsn(0x5000)) << "its holder may still read there";
  const std::string after = tests::logged([&] { slots->release(slot); });
  EXPECT_EQ(tests::count_of(after, "invalidating slot \"s\""), 1u) << after;
  EXPECT_EQ(*slots->read("s"), (SlotInfo{"s", kPersistent, Lsn(), 0}));
  EXPECT_EQ(slots->required_lsn(), Lsn(0x5000)) << "a crash would bring it back";
  EXPECT_EQ(said(slots->invalidate_before(Lsn(0x9000))), "");
  EXPECT_FALSE(slots->required_lsn().valid());
  restart();
  EXPECT_FALSE(restart_lsn("s").valid());
}

TEST_F(SlotsObsoleteTest, ASessionThatCatchesUpBeforeItEndsKeepsItsSlot) {
  Slot& slot = create("s", 7, Lsn(0x5000));
  EXPECT_EQ(said(slots->invalidate_before(Lsn(0x8000))), "");
  slot.advance(Lsn(0x8000));
  slots->release(slot);
  EXPECT_EQ(restart_lsn("s"), Lsn(0x8000));
  EXPECT_EQ(said(slots->acquire("s", {8})), "");
  EXPECT_EQ(said(slots->invalidate_before(Lsn(0x9000))), "");
  EXPECT_THAT(terminated, ElementsAre(7, 8)) << "the next holder is told anew";
}

TEST_F(SlotsObsoleteTest, ASlotThatIsOldOnDiskOnlyIsJustSaved) {
  Slot& slot = create("s", 7, Lsn(0x5000));
  slot.advance(Lsn(0x9000));
  EXPECT_EQ(slots->required_lsn(), Lsn(0x5000));
  const std::string log =
      tests::logged([&] { EXPECT_EQ(said(slots->invalidate_before(Lsn(0x8000))), ""); });
  EXPECT_EQ(log, "");
  EXPECT_EQ(slots->required_lsn(), Lsn(0x9000));
  EXPECT_THAT(terminated, IsEmpty());
}

TEST_F(SlotsObsoleteTest, AnInvalidatedSlotIsValidAgainOnceItIsStreamedBy) {
  create_free("s", Lsn(0x5000));
  EXPECT_EQ(said(slots->invalidate_before(Lsn(0x8000))), "");
  const auto slot = slots->acquire("s", {7});
  ASSERT_EQ(said(slot), "");
  (*slot)->advance(Lsn(0x8800));
  EXPECT_EQ(slots->required_lsn(), Lsn(0x8800));
  slots->release(**slot);
  EXPECT_EQ(restart_lsn("s"), Lsn(0x8800));
}

TEST_F(SlotsObsoleteTest, ATemporarySlotGoesWithItsSession) {
  create("t", 7, Lsn(0x5000), kTemporary);
  EXPECT_EQ(said(slots->invalidate_before(Lsn(0x8000))), "");
  EXPECT_THAT(terminated, ElementsAre(7));
  slots->drop_temporary(7);
  EXPECT_FALSE(slots->required_lsn().valid());
}

TEST_F(SlotsObsoleteTest, WaitersAreToldOfAnInvalidatedSlotToo) {
  Slot& slot = create("s", 7, Lsn(0x5000));
  int told = 0;
  ASSERT_TRUE(slots->notify_when_free("s", [&told] { ++told; }).has_value());
  EXPECT_EQ(said(slots->invalidate_before(Lsn(0x8000))), "");
  EXPECT_EQ(told, 0);
  slots->release(slot);
  EXPECT_EQ(told, 1);
}

TEST_F(SlotsObsoleteTest, AnXminStaysWithItsSlotAndMovesForwardOnly) {
  Slot& slot = create("s", 7, Lsn(0x5000));
  slots->report_xmin(slot, {.data = 500, .catalog = 0}, {});
  slots->report_xmin(slot, {.data = 400, .catalog = 300}, {});
  EXPECT_EQ(xmin("s"), (Xmin{.data = 500, .catalog = 300}));
  EXPECT_EQ(horizon["s"], (Xmin{.data = 500, .catalog = 300}));
  slots->report_xmin(slot, {.data = 600, .catalog = 0}, {});
  EXPECT_EQ(horizon["s"], (Xmin{.data = 600, .catalog = 0}));
  slots->release(slot);
  EXPECT_EQ(xmin("s"), (Xmin{.data = 600}));
  EXPECT_EQ(said(slots->save_dirty()), "");
  restart();
  EXPECT_EQ(xmin("s"), (Xmin{.data = 600}));
  EXPECT_EQ(horizon["s"], (Xmin{.data = 600})) << "it is in force from the start";
  Slot& again = **slots->acquire("s", {8});
  slots->report_xmin(again, {}, {});
  EXPECT_EQ(horizon["s"], Xmin{});
}

TEST_F(SlotsObsoleteTest, AnXminOfTheCatalogsIsInForceAfterARestartToo) {
  Slot& slot = create("s", 7, Lsn(0x5000));
  slots->report_xmin(slot, {.data = 0, .catalog = 300}, {});
  EXPECT_EQ(horizon["s"], (Xmin{.data = 0, .catalog = 300}));
  slots->report_xmin(slot, {.data = 500, .catalog = 200}, {});
  slots->report_xmin(slot, {.data = 500, .catalog = 350}, {});
  EXPECT_EQ(horizon["s"], (Xmin{.data = 500, .catalog = 350}));
  EXPECT_EQ(said(slots->save_dirty()), "");
  restart();
  EXPECT_EQ(horizon["s"], (Xmin{.data = 500, .catalog = 350}));
  Slot& again = **slots->acquire("s", {8});
  slots->report_xmin(again, {.data = 500, .catalog = 0}, {});
  EXPECT_EQ(horizon["s"], (Xmin{.data = 500, .catalog = 0}));
}

TEST_F(SlotsObsoleteTest, AnXminGoesWhenItsSlotDoesAndBeforeAnybodyElseHasIt) {
  Slot& dropped = create("d", 7, Lsn(0x5000));
  Slot& free = create("f", 8, Lsn(0x5000));
  Slot& held = create("h", 9, Lsn(0x5000));
  Slot& temporary = create("t", 10, Lsn(0x5000), kTemporary);
  for (Slot* const slot : {&dropped, &free, &held, &temporary}) {
    slots->report_xmin(*slot, {.data = 500, .catalog = 400}, {});
  }
  slots->release(free);
  EXPECT_EQ(said(slots->drop("d", {7})), "");
  EXPECT_EQ(horizon["d"], Xmin{});
  EXPECT_EQ(holder_when_told, 7);
  slots->drop_temporary(10);
  EXPECT_EQ(horizon["t"], Xmin{});
  EXPECT_EQ(holder_when_told, 10);
  EXPECT_EQ(said(slots->invalidate_before(Lsn(0x8000))), "");
  EXPECT_EQ(horizon["f"], Xmin{});
  EXPECT_NE(holder_when_told, 0);
  EXPECT_EQ(xmin("f"), Xmin{});
  EXPECT_EQ(horizon["h"].data, 500u);
  slots->release(held);
  EXPECT_EQ(horizon["h"], Xmin{});
  EXPECT_EQ(holder_when_told, 9);
  EXPECT_EQ(said(slots->save_dirty()), "");
  restart();
  EXPECT_THAT(horizon, IsEmpty());
}

}  // namespace
}  // namespace server::slot
