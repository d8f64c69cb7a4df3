// The rules of slots.h that need no disk but one that works; the others are in slots_disk_test.cc.

#include "server/slot/slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/slot/said.h"
#include "tests/support/temp_dir.h"

namespace server::slot {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tests::said;
using wal::Lsn;

constexpr auto kPersistent = Persistence::kPersistent;
constexpr auto kTemporary = Persistence::kTemporary;

struct SlotsTest : testing::Test {
  SlotsTest() { EXPECT_EQ(said(slots_.load()), ""); }

  Slot& create(std::string_view name, Persistence persistence, std::int32_t pid, Lsn lsn = Lsn()) {
    auto slot = slots_.create(name, persistence, {pid}, lsn);
    EXPECT_EQ(said(slot), "");
    return **slot;
  }
  // A persistent slot that no session holds.
  void create_free(std::string_view name, Lsn lsn = Lsn()) {
    slots_.release(create(name, kPersistent, 1, lsn));
  }
  std::int32_t holder(std::string_view name) const { return slots_.read(name)->active_pid; }

  tests::TempDir dir_;
  Slots slots_{{.directory = dir_.path(), .slots_max = 3}};
};

TEST_F(SlotsTest, AtFirstThereIsNone) {
  EXPECT_THAT(slots_.all(), IsEmpty());
  EXPECT_EQ(slots_.read("a"), std::nullopt);
  EXPECT_FALSE(slots_.required_lsn().valid());
}

TEST_F(SlotsTest, ANewSlotIsHeldByItsCreator) {
  const Slot& slot = create("a", kPersistent, 7, Lsn(0x5000));
  EXPECT_EQ(slot.name(), "a");
  EXPECT_EQ(slot.restart_lsn(), Lsn(0x5000));
  EXPECT_EQ(slots_.read("a"), (SlotInfo{"a", kPersistent, Lsn(0x5000), 7}));
}

TEST_F(SlotsTest, AnInvalidNameIsRefusedBeforeAllElse) {
  for (const char* name : {"", "A", "a-b", "a/b", "..", "a.slot"}) {
    const auto slot = slots_.create(name, kPersistent, {1}, Lsn());
    ASSERT_FALSE(slot.has_value());
    EXPECT_EQ(slot.error().kind->code, "42602") << name;
  }
  EXPECT_EQ(said(slots_.create(std::string(64, 'a'), kTemporary, {1}, Lsn())).substr(0, 5),
            "42622");
  EXPECT_THAT(slots_.all(), IsEmpty());
}

TEST_F(SlotsTest, ANameIsGivenOnce) {
  create_free("a");
  create("t", kTemporary, 7);
  for (const auto persistence : {kPersistent, kTemporary}) {
    for (const std::int32_t pid : {7, 8}) {
      EXPECT_EQ(said(slots_.create("a", persistence, {pid}, Lsn())),
                "42710 replication slot \"a\" already exists");
      EXPECT_EQ(said(slots_.create("t", persistence, {pid}, Lsn())),
                "42710 replication slot \"t\" already exists");
    }
  }
  EXPECT_EQ(slots_.all().size(), 2u);
  EXPECT_EQ(holder("a"), 0);
}

TEST_F(SlotsTest, ThereAreNoMoreThanTheLimitTemporaryOnesIncluded) {
  create_free("a");
  create_free("b");
  create("t", kTemporary, 7);
  for (const auto persistence : {kPersistent, kTemporary}) {
    EXPECT_EQ(said(slots_.create("c", persistence, {1}, Lsn())),
              "53400 all replication slots are in use; Free one or increase "
              "max_replication_slots.");
  }
  EXPECT_EQ(said(slots_.create("a", kPersistent, {1}, Lsn())),
            "42710 replication slot \"a\" already exists");
  slots_.drop_temporary(7);
  create_free("c");
}

TEST_F(SlotsTest, AServerMayHaveNoSlotsAtAll) {
  Slots none({.directory = "", .slots_max = 0});
  EXPECT_EQ(said(none.load()), "");
  for (const auto persistence : {kPersistent, kTemporary}) {
    EXPECT_EQ(said(none.create("a", persistence, {1}, Lsn())),
              "53400 all replication slots are in use; Free one or increase "
              "max_replication_slots.");
  }
}

TEST_F(SlotsTest, WithoutADirectoryThereAreTemporarySlotsOnly) {
  Slots slots({.directory = "", .slots_max = 3});
  EXPECT_EQ(said(slots.load()), "");
  EXPECT_EQ(said(slots.create("a", kPersistent, {1}, Lsn())),
            "55000 persistent replication slots are not available from this server; Give it a "
            "directory to keep their state in, or create a temporary slot.");
  EXPECT_THAT(slots.all(), IsEmpty());
  ASSERT_EQ(said(slots.create("a", kTemporary, {1}, Lsn(0x5000))), "");
  EXPECT_EQ(said(slots.save_dirty()), "");
  EXPECT_EQ(slots.required_lsn(), Lsn(0x5000));
}

TEST_F(SlotsTest, ASessionThatAcquiresASlotHoldsItAlone) {
  create_free("a", Lsn(0x5000));
  const auto slot = slots_.acquire("a", {7});
  ASSERT_EQ(said(slot), "");
  EXPECT_EQ((*slot)->restart_lsn(), Lsn(0x5000));
  EXPECT_EQ(holder("a"), 7);
  EXPECT_EQ(said(slots_.acquire("a", {8})), "55006 replication slot \"a\" is active for PID 7");
  EXPECT_EQ(said(slots_.drop("a", {8})), "55006 replication slot \"a\" is active for PID 7");
  EXPECT_EQ(holder("a"), 7);
  slots_.release(**slot);
  EXPECT_EQ(holder("a"), 0);
  EXPECT_EQ(said(slots_.acquire("a", {8})), "");
  EXPECT_EQ(holder("a"), 8);
}

TEST_F(SlotsTest, ACreatorHoldsItsSlotUntilItReleasesIt) {
  Slot& slot = create("a", kPersistent, 7);
  EXPECT_EQ(said(slots_.acquire("a", {8})), "55006 replication slot \"a\" is active for PID 7");
  slots_.release(slot);
  EXPECT_EQ(said(slots_.acquire("a", {8})), "");
}

// Names are not looked at: PostgreSQL only searches for them (SearchNamedReplicationSlot).
TEST_F(SlotsTest, WhatDoesNotExistIsNeitherAcquiredNorDropped) {
  for (const std::string name : {"a", "Bad Name", ""}) {
    const std::string missing = "42704 replication slot \"" + name + "\" does not exist";
    EXPECT_EQ(said(slots_.acquire(name, {1})), missing);
    EXPECT_EQ(said(slots_.drop(name, {1})), missing);
  }
}

// Asked of PostgreSQL 15: START_REPLICATION SLOT t after CREATE_REPLICATION_SLOT t TEMPORARY works
// in the session of t, and t is that session's afterwards.
TEST_F(SlotsTest, ATemporarySlotIsItsSessionsAllTheTime) {
  Slot& slot = create("t", kTemporary, 7);
  EXPECT_EQ(said(slots_.acquire("t", {8})), "55006 replication slot \"t\" is active for PID 7");
  const auto acquired = slots_.acquire("t", {7});
  ASSERT_EQ(said(acquired), "");
  EXPECT_EQ(*acquired, &slot);
  slots_.release(slot);
  EXPECT_EQ(slots_.read("t"), (SlotInfo{"t", kTemporary, Lsn(), 7}));
  EXPECT_EQ(said(slots_.acquire("t", {8})), "55006 replication slot \"t\" is active for PID 7");
  EXPECT_EQ(said(slots_.drop("t", {8})), "55006 replication slot \"t\" is active for PID 7");
  EXPECT_EQ(said(slots_.drop("t", {7})), "");
  EXPECT_EQ(slots_.read("t"), std::nullopt);
}

TEST_F(SlotsTest, AFreeSlotMayBeDroppedByAnySession) {
  create_free("a", Lsn(0x5000));
  EXPECT_EQ(said(slots_.drop("a", {9})), "");
  EXPECT_EQ(slots_.read("a"), std::nullopt);
  EXPECT_FALSE(slots_.required_lsn().valid());
  EXPECT_EQ(said(slots_.drop("a", {9})), "42704 replication slot \"a\" does not exist");
  create_free("a");
}

TEST_F(SlotsTest, ASessionsEndDropsItsTemporarySlotsAndNoOthers) {
  create("a", kTemporary, 7);
  create("b", kTemporary, 8);
  create("p", kPersistent, 7);
  slots_.drop_temporary(7);
  EXPECT_THAT(slots_.all(), ElementsAre(SlotInfo{"b", kTemporary, Lsn(), 8},
                                        SlotInfo{"p", kPersistent, Lsn(), 7}));
  slots_.drop_temporary(7);
  slots_.drop_temporary(9);
  EXPECT_EQ(slots_.all().size(), 2u);
}

TEST_F(SlotsTest, AllAreInTheOrderOfTheirNames) {
  create_free("b", Lsn(0x2000));
  create("c", kTemporary, 7, Lsn(0x3000));
  create_free("a");
  EXPECT_THAT(slots_.all(), ElementsAre(SlotInfo{"a", kPersistent, Lsn(), 0},
                                        SlotInfo{"b", kPersistent, Lsn(0x2000), 0},
                                        SlotInfo{"c", kTemporary, Lsn(0x3000), 7}));
}

TEST_F(SlotsTest, AnyFlushedPositionMovesASlotBackwardToo) {
  Slot& slot = create("a", kTemporary, 7);
  for (const std::uint64_t lsn : {0x5000ull, 0x6000ull, 0x6000ull, 0x2000ull, ~0ull, 0x1ull}) {
    slot.advance(Lsn(lsn));
    EXPECT_EQ(slot.restart_lsn(), Lsn(lsn));
    EXPECT_EQ(slots_.read("a")->restart_lsn, Lsn(lsn));
  }
}

TEST_F(SlotsTest, AnInvalidPositionMovesNothing) {
  Slot& slot = create("a", kTemporary, 7);
  slot.advance(Lsn());
  EXPECT_FALSE(slot.restart_lsn().valid());
  slot.advance(Lsn(0x5000));
  slot.advance(Lsn());
  EXPECT_EQ(slot.restart_lsn(), Lsn(0x5000));
}

TEST_F(SlotsTest, TheOldestTemporarySlotSaysWhatIsRequiredAtOnce) {
  create("unset", kTemporary, 7);
  EXPECT_FALSE(slots_.required_lsn().valid());
  Slot& a = create("a", kTemporary, 7, Lsn(0x5000));
  Slot& b = create("b", kTemporary, 8, Lsn(0x3000));
  EXPECT_EQ(slots_.required_lsn(), Lsn(0x3000));
  b.advance(Lsn(0x8000));
  EXPECT_EQ(slots_.required_lsn(), Lsn(0x5000));
  a.advance(Lsn(0x9000));
  EXPECT_EQ(slots_.required_lsn(), Lsn(0x8000));
  slots_.drop_temporary(8);
  EXPECT_EQ(slots_.required_lsn(), Lsn(0x9000));
}

TEST_F(SlotsTest, ReleasingWhatNobodyHoldsIsABug) {
  Slot& slot = create("a", kPersistent, 7);
  slots_.release(slot);
  EXPECT_DEATH(slots_.release(slot), "CHECK\\(entry->active_pid != 0\\)");
}

}  // namespace
}  // namespace server::slot
