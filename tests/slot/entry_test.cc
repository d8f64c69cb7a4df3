#include "server/slot/entry.h"

#include <gtest/gtest.h>

#include "server/slot/errors.h"
#include "tests/slot/said.h"

// What a slot's entry requires and whether its file is to be written, before, during and after a
// save.

namespace server::slot {
namespace {

using tests::said;
using wal::Lsn;
using wal::Xmin;

TEST(EntryTest, TheOlderOfTwoPositionsIsThatWhichNeedsWal) {
  EXPECT_EQ(older(Lsn(), Lsn()), Lsn());
  EXPECT_EQ(older(Lsn(5), Lsn()), Lsn(5));
  EXPECT_EQ(older(Lsn(), Lsn(5)), Lsn(5));
  EXPECT_EQ(older(Lsn(5), Lsn(7)), Lsn(5));
}

TEST(EntryTest, WhatWasReadIsClean) {
  Entry entry("a", Lsn(0x1000), Xmin{.data = 7, .catalog = 0});
  EXPECT_TRUE(entry.exists);
  EXPECT_FALSE(entry.is_dirty());
  EXPECT_EQ(entry.required_lsn(), Lsn(0x1000));
  entry.slot.advance(Lsn(0x2000));
  EXPECT_TRUE(entry.is_dirty());
  EXPECT_EQ(entry.required_lsn(), Lsn(0x1000)) << "a crash may bring it back";
  EXPECT_TRUE(entry.is_saved_before(Lsn(0x2000)));
  EXPECT_FALSE(entry.is_saved_before(Lsn(0x1000)));
}

TEST(EntryTest, DuringASaveBothPositionsAreRequired) {
  Entry entry("a", Lsn(0x5000), Xmin{});
  entry.slot.advance(Lsn(0x2000));
  entry.begin_save();
  entry.slot.advance(Lsn(0x9000));
  EXPECT_EQ(entry.required_lsn(), Lsn(0x2000)) << "which may be on disk by now";
  EXPECT_TRUE(entry.is_dirty());
  entry.end_save(Lsn(0x2000), Xmin{});
  EXPECT_EQ(entry.required_lsn(), Lsn(0x2000));
  EXPECT_TRUE(entry.is_dirty()) << "it has moved since";
}

TEST(EntryTest, ASlotIsItsOwnersAndNobodysMayBeUsed) {
  const Asker alice{.pid = 1, .role = "alice", .is_bound = true};
  const Asker bob{.pid = 2, .role = "bob", .is_bound = true};
  const Asker anybody{.pid = 3, .role = "", .is_bound = true};
  const Asker superuser{.pid = 4, .role = "boss"};
  const Entry hers("a", Lsn(), Xmin{}, "alice");
  const Entry nobodys("n", Lsn(), Xmin{});
  for (const Purpose purpose : {Purpose::kUse, Purpose::kDrop}) {
    EXPECT_EQ(said(hers.check_owner(alice, purpose)), "");
    EXPECT_EQ(said(hers.check_owner(bob, purpose)),
              "42501 must be owner of replication slot \"a\"");
    EXPECT_EQ(said(hers.check_owner(superuser, purpose)), "");
    EXPECT_EQ(said(nobodys.check_owner(superuser, purpose)), "");
  }
  for (const Asker& asker : {alice, anybody}) {
    EXPECT_EQ(said(nobodys.check_owner(asker, Purpose::kUse)), "");
    const auto dropped = nobodys.check_owner(asker, Purpose::kDrop);
    ASSERT_FALSE(dropped);
    EXPECT_EQ(dropped.error().kind, &kNotOwner);
    EXPECT_EQ(dropped.error().detail,
              "The slot has no owner, so that only a superuser may drop it.");
  }
}

TEST(EntryTest, AnXminMovesForwardUnlessItGoes) {
  Entry entry("a", Lsn(0x5000), Xmin{.data = 7, .catalog = 0});
  EXPECT_FALSE(entry.move_xmin(Xmin{.data = 5, .catalog = 0}, {}));
  EXPECT_TRUE(entry.move_xmin(Xmin{.data = 9, .catalog = 3}, {}));
  EXPECT_EQ(entry.xmin, (Xmin{.data = 9, .catalog = 3}));
  EXPECT_TRUE(entry.is_dirty());
  EXPECT_TRUE(entry.move_xmin(Xmin{}, {}));
  EXPECT_FALSE(entry.move_xmin(Xmin{}, {}));
}

constexpr std::uint64_t full(std::uint32_t epoch, wal::TransactionId id) {
  return (std::uint64_t{epoch} << 32) | id;
}

// A slot kept it for good.
TEST(EntryTest, AnXminThatPostgresWouldIgnoreIsNotTaken) {
  const wal::NextXid next{.id = 1000, .epoch = 5};
  Entry entry("a", Lsn(0x5000), Xmin{.data = full(5, 700), .catalog = 0});
  for (const std::uint64_t wrong : {full(6, 900), full(4, 900), full(5, 3'000'000)}) {
    EXPECT_FALSE(entry.move_xmin(Xmin{.data = wrong, .catalog = 0}, next)) << wrong;
    EXPECT_FALSE(entry.move_xmin(Xmin{.data = full(5, 900), .catalog = wrong}, next)) << wrong;
  }
  EXPECT_EQ(entry.xmin, (Xmin{.data = full(5, 700), .catalog = 0}));
  EXPECT_TRUE(entry.move_xmin(Xmin{.data = full(5, 900), .catalog = 0}, next));
}

// It was taken when no id was known yet, or is from another primary's time.
TEST(EntryTest, AnXminThatCannotBeGivesWayToOneThatCan) {
  Entry entry("a", Lsn(0x5000), Xmin{});
  const Xmin ahead{.data = full(9, 500), .catalog = full(9, 400)};
  EXPECT_TRUE(entry.move_xmin(ahead, {})) << "nothing speaks against it";
  const wal::NextXid next{.id = 1000, .epoch = 5};
  const Xmin right{.data = full(5, 500), .catalog = full(5, 400)};
  EXPECT_TRUE(entry.move_xmin(right, next));
  EXPECT_EQ(entry.xmin, right);
  EXPECT_FALSE(entry.move_xmin(Xmin{.data = full(5, 300), .catalog = full(5, 300)}, next));
}

TEST(EntryTest, AnInvalidatedSlotRequiresWhatItsFileSaysUntilItIsSaved) {
  Entry entry("a", Lsn(0x5000), Xmin{.data = 7, .catalog = 0});
  EXPECT_EQ(entry.invalidate(), Lsn(0x5000));
  EXPECT_EQ(entry.required_lsn(), Lsn(0x5000));
  EXPECT_TRUE(entry.is_dirty());
  entry.begin_save();
  entry.end_save(Lsn(), Xmin{});
  EXPECT_FALSE(entry.required_lsn().valid());
}

TEST(EntryTest, ATemporarySlotIsNeverDirty) {
  Entry entry("a", Persistence::kTemporary, {1}, Lsn(0x5000));
  entry.exists = true;
  entry.slot.advance(Lsn(0x9000));
  EXPECT_FALSE(entry.is_dirty());
  EXPECT_EQ(entry.required_lsn(), Lsn(0x9000));
}

}  // namespace
}  // namespace server::slot
