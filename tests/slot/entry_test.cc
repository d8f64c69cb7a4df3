#include "server/slot/entry.h"

#include <gtest/gtest.h>

// What a slot's entry requires and whether its file is to be written, before, during and after a
// save.

namespace server::slot {
namespace {

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

TEST(EntryTest, AnXminMovesForwardUnlessItGoes) {
  Entry entry("a", Lsn(0x5000), Xmin{.data = 7, .catalog = 0});
  EXPECT_FALSE(entry.move_xmin(Xmin{.data = 5, .catalog = 0}));
  EXPECT_TRUE(entry.move_xmin(Xmin{.data = 9, .catalog = 3}));
  EXPECT_EQ(entry.xmin, (Xmin{.data = 9, .catalog = 3}));
  EXPECT_TRUE(entry.is_dirty());
  EXPECT_TRUE(entry.move_xmin(Xmin{}));
  EXPECT_FALSE(entry.move_xmin(Xmin{}));
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
  Entry entry("a", Persistence::kTemporary, 1, Lsn(0x5000));
  entry.exists = true;
  entry.slot.advance(Lsn(0x9000));
  EXPECT_FALSE(entry.is_dirty());
  EXPECT_EQ(entry.required_lsn(), Lsn(0x9000));
}

}  // namespace
}  // namespace server::slot
