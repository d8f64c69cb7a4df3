// What slots.h promises of the disk: what survives, what required_lsn() may say, and what is left
// when a call fails or a process dies.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "server/slot/slots.h"
#include "tests/slot/said.h"
#include "tests/slot/slot_files.h"
#include "tests/support/disk_calls.h"
#include "tests/support/temp_dir.h"

namespace server::slot {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tests::DiskCall;
using tests::DiskHook;
using tests::Failing;
using tests::FailingDisk;
using tests::files_in;
using tests::said;
using wal::Lsn;

constexpr auto kPersistent = Persistence::kPersistent;

struct SlotsDiskTest : testing::Test {
  SlotsDiskTest() { restart(); }

  // As after a crash: what was not saved is lost.
  void restart(std::size_t slots_max = 5) {
    slots_.emplace(Slots::Options{.directory = dir_.path(), .slots_max = slots_max});
    EXPECT_EQ(said(slots_->load()), "");
  }
  Slot& create(std::string_view name, Lsn lsn = Lsn()) {
    auto slot = slots_->create(name, kPersistent, {1}, lsn);
    EXPECT_EQ(said(slot), "");
    return **slot;
  }
  void save() { EXPECT_EQ(said(slots_->save_dirty()), ""); }
  // The restart_lsn that a slot has after a crash now.
  Lsn recovered(std::string_view name) {
    Slots slots({.directory = dir_.path()});
    EXPECT_EQ(said(slots.load()), "");
    const auto slot = slots.read(name);
    EXPECT_TRUE(slot.has_value());
    return slot ? slot->restart_lsn : Lsn();
  }
  std::string file(const std::string& name) const { return dir_.file(name); }

  tests::TempDir dir_;
  std::optional<Slots> slots_;
};

TEST_F(SlotsDiskTest, APersistentSlotSurvivesFreeAsItWasSaved) {
  create("a");
  create("b", Lsn(0x5000)).advance(Lsn(0x6000));
  restart();
  EXPECT_THAT(slots_->all(), ElementsAre(SlotInfo{"a", kPersistent, Lsn(), 0},
                                         SlotInfo{"b", kPersistent, Lsn(0x5000), 0}));
  Slot& b = **slots_->acquire("b", {2});
  b.advance(Lsn(0x7000));
  save();
  restart();
  EXPECT_EQ(slots_->read("b"), (SlotInfo{"b", kPersistent, Lsn(0x7000), 0}));
}

TEST_F(SlotsDiskTest, ATemporarySlotNeverTouchesTheDisk) {
  {
    const DiskHook hook(dir_.path(), [](const DiskCall& call) {
      ADD_FAILURE() << call.text();
      return 0;
    });
    Slot& slot = **slots_->create("t", Persistence::kTemporary, {1}, Lsn(0x5000));
    slot.advance(Lsn(0x6000));
    save();
    slots_->release(slot);
    EXPECT_EQ(said(slots_->drop("t", {1})), "");
    EXPECT_EQ(said(slots_->create("t", Persistence::kTemporary, {1}, Lsn(0x5000))), "");
    slots_->drop_temporary(1);
    EXPECT_EQ(said(slots_->create("t", Persistence::kTemporary, {1}, Lsn(0x5000))), "");
    save();
  }
  restart();
  EXPECT_THAT(slots_->all(), IsEmpty());
}

TEST_F(SlotsDiskTest, MoreSlotsThanTheLimitAreAnError) {
  create("a");
  create("b");
  restart(2);
  Slots slots({.directory = dir_.path(), .slots_max = 1});
  EXPECT_EQ(said(slots.load()),
            "53400 too many replication slots active before shutdown; Increase "
            "max_replication_slots and try again.");
  EXPECT_THAT(slots.all(), IsEmpty());
  EXPECT_THAT(files_in(dir_.path()), ElementsAre("a.slot", "b.slot"));
}

TEST_F(SlotsDiskTest, ACorruptSlotCountsForNothing) {
  create("a");
  create("b");
  tests::write_file(file("a.slot"), "x");
  testing::internal::CaptureStderr();
  restart(1);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("a.slot.corrupt"));
  EXPECT_EQ(slots_->read("a"), std::nullopt);
  EXPECT_EQ(said(slots_->drop("b", {1})), "");
  create("a");
  EXPECT_THAT(files_in(dir_.path()), ElementsAre("a.slot", "a.slot.corrupt"));
}

TEST_F(SlotsDiskTest, OnlyWhatHasMovedIsWritten) {
  create("still", Lsn(0x1000));
  Slot& moved = create("moved", Lsn(0x1000));
  moved.advance(Lsn(0x2000));
  std::vector<std::string> written;
  const DiskHook hook(dir_.path(), [&](const DiskCall& call) {
    if (call.name == "rename") written.push_back(call.file);
    return 0;
  });
  save();
  EXPECT_THAT(written, ElementsAre("moved.slot.tmp"));
  moved.advance(Lsn(0x3000));
  moved.advance(Lsn(0x2000));
  save();
  EXPECT_THAT(written, ElementsAre("moved.slot.tmp"));
}

TEST_F(SlotsDiskTest, WhatIsRequiredMovesOnOnlyWhenItIsSaved) {
  Slot& slot = create("a", Lsn(0x1000));
  EXPECT_EQ(slots_->required_lsn(), Lsn(0x1000));
  slot.advance(Lsn(0x9000));
  EXPECT_EQ(slots_->required_lsn(), Lsn(0x1000));
  save();
  EXPECT_EQ(slots_->required_lsn(), Lsn(0x9000));
}

TEST_F(SlotsDiskTest, ASlotThatMovesBackIsHeededAtOnce) {
  Slot& slot = create("a", Lsn(0x9000));
  slot.advance(Lsn(0x1000));
  EXPECT_EQ(slots_->required_lsn(), Lsn(0x1000));
  save();
  slot.advance(Lsn(0x5000));
  EXPECT_EQ(slots_->required_lsn(), Lsn(0x1000));
  save();
  EXPECT_EQ(slots_->required_lsn(), Lsn(0x5000));
}

TEST_F(SlotsDiskTest, ASlotWithoutAPositionRequiresNothingUntilItHasOne) {
  Slot& slot = create("a");
  create("b", Lsn(0x9000));
  EXPECT_EQ(slots_->required_lsn(), Lsn(0x9000));
  slot.advance(Lsn(0x5000));  // a crash would bring back none, which requires nothing
  EXPECT_EQ(slots_->required_lsn(), Lsn(0x5000));
  save();
  EXPECT_EQ(recovered("a"), Lsn(0x5000));
}

TEST_F(SlotsDiskTest, WhatIsRequiredIsRememberedOverARestart) {
  create("a", Lsn(0x5000));
  create("b", Lsn(0x4000));
  restart();
  EXPECT_EQ(slots_->required_lsn(), Lsn(0x4000));
}

// Whatever call of save_dirty() fails or is the last one before a crash, and wherever the slot
// goes.
TEST_F(SlotsDiskTest, NoCrashBringsBackWhatIsNotRequired) {
  for (const std::uint64_t to : {0x9000ull, 0x1000ull}) {
    for (std::size_t nth = 0;; ++nth) {
      Slot& slot = create("a", Lsn(0x5000));
      slot.advance(Lsn(to));
      std::string failed;
      {
        const FailingDisk disk(dir_.path(), nth, EIO, Failing::kFromThere);
        const bool is_saved = slots_->save_dirty().has_value();
        failed = disk.failed();
        EXPECT_EQ(is_saved, failed.empty());
      }
      SCOPED_TRACE(failed);
      EXPECT_LE(slots_->required_lsn(), recovered("a"));
      slot.advance(Lsn(0x7000));
      EXPECT_LE(slots_->required_lsn(), recovered("a"));
      save();
      EXPECT_EQ(slots_->required_lsn(), Lsn(0x7000));
      EXPECT_EQ(recovered("a"), Lsn(0x7000));
      slots_->release(slot);
      EXPECT_EQ(said(slots_->drop("a", {1})), "");
      if (failed.empty()) break;
    }
  }
}

// A slot may move on while it is being saved, at any moment.
TEST_F(SlotsDiskTest, AMoveDuringASaveIsNotLost) {
  for (const std::uint64_t to : {0x9000ull, 0x3000ull}) {
    Slot& slot = create("a", Lsn(0x5000));
    slot.advance(Lsn(0x7000));
    {
      const DiskHook hook(dir_.path(), [&](const DiskCall& /*call*/) {
        slot.advance(Lsn(to));
        EXPECT_EQ(slots_->required_lsn(), Lsn(std::min<std::uint64_t>(to, 0x5000)));
        return 0;
      });
      save();
    }
    EXPECT_EQ(recovered("a"), Lsn(0x7000));
    EXPECT_EQ(slots_->required_lsn(), Lsn(std::min<std::uint64_t>(to, 0x7000)));
    save();
    EXPECT_EQ(recovered("a"), Lsn(to));
    EXPECT_EQ(slots_->required_lsn(), Lsn(to));
    slots_->release(slot);
    EXPECT_EQ(said(slots_->drop("a", {1})), "");
  }
}

TEST_F(SlotsDiskTest, ASlotThatCannotBeSavedDoesNotKeepTheOthersFromIt) {
  for (const char* name : {"a", "b", "c"}) create(name, Lsn(0x1000)).advance(Lsn(0x2000));
  {
    const DiskHook hook(dir_.path(), [](const DiskCall& call) {
      return call.file == "b.slot.tmp" && call.name == "pwrite" ? ENOSPC : 0;
    });
    EXPECT_EQ(said(slots_->save_dirty()), "53100 could not write to file \"" + file("b.slot.tmp") +
                                              "\": No space left on device");
  }
  EXPECT_EQ(recovered("a"), Lsn(0x2000));
  EXPECT_EQ(recovered("b"), Lsn(0x1000));
  EXPECT_EQ(recovered("c"), Lsn(0x2000));
  EXPECT_EQ(slots_->required_lsn(), Lsn(0x1000));
  save();
  EXPECT_EQ(recovered("b"), Lsn(0x2000));
}

TEST_F(SlotsDiskTest, AFailedCreationLeavesNothingBehind) {
  for (std::size_t nth = 0;; ++nth) {
    std::string failed;
    std::string outcome;
    {
      const FailingDisk disk(dir_.path(), nth, ENOSPC, Failing::kOnlyThere);
      outcome = said(slots_->create("a", kPersistent, {1}, Lsn(0x1000)));
      failed = disk.failed();
    }
    EXPECT_EQ(outcome.empty(), failed.empty());
    if (failed.empty()) break;
    SCOPED_TRACE(failed);
    EXPECT_THAT(outcome, testing::MatchesRegex("53100 could not .*: No space left on device"));
    EXPECT_THAT(files_in(dir_.path()), IsEmpty());
    EXPECT_THAT(slots_->all(), IsEmpty());
    EXPECT_FALSE(slots_->required_lsn().valid());
  }
  EXPECT_EQ(recovered("a"), Lsn(0x1000));
}

TEST_F(SlotsDiskTest, ACrashDuringACreationLeavesAllOrNothing) {
  for (std::size_t nth = 0;; ++nth) {
    std::string failed;
    {
      const FailingDisk disk(dir_.path(), nth, EIO, Failing::kFromThere);
      static_cast<void>(slots_->create("a", kPersistent, {1}, Lsn(0x1000)));
      failed = disk.failed();
    }
    SCOPED_TRACE(failed);
    restart();
    if (nth <= 3) {
      EXPECT_THAT(slots_->all(), IsEmpty());  // the fourth call renames
      EXPECT_THAT(files_in(dir_.path()), IsEmpty());
    } else {
      EXPECT_THAT(slots_->all(), ElementsAre(SlotInfo{"a", kPersistent, Lsn(0x1000), 0}));
      EXPECT_EQ(said(slots_->drop("a", {1})), "");
    }
    if (failed.empty()) break;
  }
}

TEST_F(SlotsDiskTest, WhileItIsCreatedASlotIsNowhereButItsNameAndItsWalAreTaken) {
  int calls = 0;
  {
    const DiskHook hook(dir_.path(), [&](const DiskCall& /*call*/) {
      ++calls;
      EXPECT_EQ(slots_->read("a"), std::nullopt);
      EXPECT_THAT(slots_->all(), IsEmpty());
      EXPECT_EQ(said(slots_->acquire("a", {2})), "42704 replication slot \"a\" does not exist");
      EXPECT_EQ(said(slots_->drop("a", {2})), "42704 replication slot \"a\" does not exist");
      EXPECT_EQ(slots_->notify_when_free("a", [] {}), std::nullopt);
      EXPECT_EQ(said(slots_->create("a", Persistence::kTemporary, {2}, Lsn())),
                "42710 replication slot \"a\" already exists");
      EXPECT_EQ(slots_->required_lsn(), Lsn(0x1000));
      save();
      return 0;
    });
    create("a", Lsn(0x1000));
  }
  EXPECT_EQ(calls, 7);
  EXPECT_EQ(slots_->read("a"), (SlotInfo{"a", kPersistent, Lsn(0x1000), 1}));
}

TEST_F(SlotsDiskTest, ADropThatFailedLeavesTheSlotFreeAndSaved) {
  for (std::size_t nth = 0; nth < 3; ++nth) {
    slots_->release(create("a", Lsn(0x1000)));
    {
      const FailingDisk disk(dir_.path(), nth, EIO, Failing::kOnlyThere);
      EXPECT_THAT(said(slots_->drop("a", {2})),
                  testing::MatchesRegex("58030 could not .*: Input/output error"));
    }
    EXPECT_EQ(slots_->read("a"), (SlotInfo{"a", kPersistent, Lsn(0x1000), 0}));
    EXPECT_EQ(slots_->required_lsn(), Lsn(0x1000));
    save();
    EXPECT_EQ(recovered("a"), Lsn(0x1000));
    EXPECT_EQ(said(slots_->drop("a", {2})), "");
    EXPECT_THAT(files_in(dir_.path()), IsEmpty());
  }
}

TEST_F(SlotsDiskTest, WhatIsBeingDroppedIsRequiredUntilItIsGone) {
  slots_->release(create("a", Lsn(0x1000)));
  {
    const DiskHook hook(dir_.path(), [&](const DiskCall& /*call*/) {
      EXPECT_EQ(slots_->required_lsn(), Lsn(0x1000));
      EXPECT_EQ(said(slots_->create("a", Persistence::kTemporary, {3}, Lsn())),
                "42710 replication slot \"a\" already exists");
      return 0;
    });
    EXPECT_EQ(said(slots_->drop("a", {2})), "");
  }
  EXPECT_FALSE(slots_->required_lsn().valid());
}

TEST_F(SlotsDiskTest, ADirectoryThatVanishesFailsWhatNeedsIt) {
  Slot& slot = create("a", Lsn(0x1000));
  std::filesystem::remove_all(dir_.path());
  slot.advance(Lsn(0x2000));
  EXPECT_EQ(said(slots_->save_dirty()), "58P01 could not create file \"" + file("a.slot.tmp") +
                                            "\": No such file or directory");
  EXPECT_EQ(
      said(slots_->create("b", kPersistent, {1}, Lsn())),
      "58P01 could not create file \"" + file("b.slot.tmp") + "\": No such file or directory");
  EXPECT_EQ(slots_->read("b"), std::nullopt);
  slots_->release(slot);
  EXPECT_EQ(said(slots_->drop("a", {1})),
            "58P01 could not open file \"" + dir_.path() + "\": No such file or directory");
  EXPECT_EQ(said(slots_->acquire("a", {2})), "");
}

// The state file is renamed into place, and neither the sync behind that nor the removal succeeds.
TEST_F(SlotsDiskTest, ASlotThatACrashMayBringBackKeepsItsWalUntilItsFileHasGone) {
  {
    bool renamed = false;
    const DiskHook hook(dir_.path(), [&renamed](const DiskCall& call) {
      const bool fails = renamed;
      renamed = renamed || call.name == "rename";
      return fails ? EIO : 0;
    });
    EXPECT_NE(said(slots_->create("a", kPersistent, {1}, Lsn(0x5000))), "");
    EXPECT_FALSE(slots_->read("a").has_value());
    EXPECT_THAT(slots_->all(), IsEmpty());
    EXPECT_EQ(slots_->required_lsn(), Lsn(0x5000)) << "a crash would bring it back";
    EXPECT_NE(said(slots_->save_dirty()), "");
    EXPECT_EQ(slots_->required_lsn(), Lsn(0x5000));
    EXPECT_NE(said(slots_->create("a", kPersistent, {1}, Lsn(0x5000))), "");
  }
  save();
  EXPECT_EQ(slots_->required_lsn(), Lsn());
  EXPECT_THAT(files_in(dir_.path()), IsEmpty());
  create("a", Lsn(0x6000));
}

// Its pg_replslot is the server's.
TEST_F(SlotsDiskTest, NoSlotIsKeptInADataDirectory) {
  std::ofstream(file("PG_VERSION")) << "15";
  Slots slots({.directory = file("pg_replslot")});
  EXPECT_NE(said(slots.load()).find("belongs to a"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(file("pg_replslot")));
}

}  // namespace
}  // namespace server::slot
