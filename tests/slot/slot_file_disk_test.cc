// slot_file.h on a disk that works, that fails, and that a crash leaves behind.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "server/slot/slot_file.h"
#include "tests/slot/said.h"
#include "tests/slot/slot_files.h"
#include "tests/support/disk_calls.h"
#include "tests/support/temp_dir.h"

namespace server::slot {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using tests::content_of;
using tests::DiskCall;
using tests::DiskHook;
using tests::Failing;
using tests::FailingDisk;
using tests::files_in;
using tests::said;
using tests::write_file;
using wal::Lsn;

const SlotState kOld{"a", Lsn(0x1000)};
const SlotState kNew{"a", Lsn(0x2000)};

struct SlotFileDiskTest : testing::Test {
  std::vector<SlotState> read() {
    auto states = read_states(dir());
    EXPECT_EQ(said(states), "");
    return states ? *std::move(states) : std::vector<SlotState>();
  }
  // The calls that `action` makes.
  template <typename Action>
  std::vector<std::string> calls_of(Action action) {
    std::vector<std::string> calls;
    const DiskHook hook(dir(), [&](const DiskCall& call) {
      calls.push_back(call.text());
      return 0;
    });
    action();
    return calls;
  }
  const std::string& dir() const { return dir_.path(); }
  std::string file(const std::string& name) const { return dir_.file(name); }

  tests::TempDir dir_;
};

TEST_F(SlotFileDiskTest, WhatWasWrittenIsReadAgain) {
  const SlotState longest{std::string(63, 'z'), Lsn(~0ull)};
  const SlotState unset{"unset", Lsn()};
  for (const SlotState& state : {kOld, longest, unset}) {
    EXPECT_EQ(said(write_state(dir(), state)), "");
  }
  EXPECT_THAT(read(), UnorderedElementsAre(kOld, longest, unset));
  EXPECT_EQ(said(write_state(dir(), kNew)), "");
  EXPECT_THAT(read(), UnorderedElementsAre(kNew, longest, unset));
  EXPECT_EQ(said(remove_state(dir(), "unset")), "");
  EXPECT_THAT(read(), UnorderedElementsAre(kNew, longest));
  EXPECT_THAT(files_in(dir()), ElementsAre("a.slot", longest.name + ".slot"));
}

TEST_F(SlotFileDiskTest, OnlyTheOwnerMayReadAStateFile) {
  EXPECT_EQ(said(write_state(dir(), kOld)), "");
  struct stat status {};
  ASSERT_EQ(::stat(file("a.slot").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

// A kill does not show what a power cut would: that nothing is renamed before it is on disk, and
// nothing reported before the directory is.
TEST_F(SlotFileDiskTest, AStateIsSyncedBeforeItIsRenamedAndTheDirectoryAfter) {
  EXPECT_THAT(calls_of([&] { EXPECT_EQ(said(write_state(dir(), kOld)), ""); }),
              ElementsAre("open a.slot.tmp", "pwrite a.slot.tmp", "fsync a.slot.tmp",
                          "rename a.slot.tmp", "fsync a.slot", "open .", "fsync ."));
}

TEST_F(SlotFileDiskTest, TheDirectoryIsSyncedAfterARemoval) {
  EXPECT_EQ(said(write_state(dir(), kOld)), "");
  EXPECT_THAT(calls_of([&] { EXPECT_EQ(said(remove_state(dir(), "a")), ""); }),
              ElementsAre("unlink a.slot", "open .", "fsync ."));
}

TEST_F(SlotFileDiskTest, WhatIsReadIsSyncedBefore) {
  EXPECT_EQ(said(write_state(dir(), kOld)), "");
  write_file(file("b.slot.tmp"), "x");
  std::vector<std::string> calls = calls_of([&] { EXPECT_THAT(read(), ElementsAre(kOld)); });
  EXPECT_THAT(calls, testing::IsSupersetOf({"mkdir .", "unlink b.slot.tmp"}));
  std::erase(calls, "unlink b.slot.tmp");  // the directory's order is not known
  EXPECT_THAT(calls, ElementsAre("mkdir .", "open ..", "open a.slot", "fsync a.slot",
                                 "pread a.slot", "pread a.slot", "open .", "fsync ."));
}

TEST_F(SlotFileDiskTest, AFailureAnywhereLeavesTheOldStateOrTheNewAndNoOtherFile) {
  for (std::size_t nth = 0;; ++nth) {
    EXPECT_EQ(said(write_state(dir(), kOld)), "");
    std::string failed;
    std::string outcome;
    {
      const FailingDisk disk(dir(), nth, EIO, Failing::kOnlyThere);
      outcome = said(write_state(dir(), kNew));
      failed = disk.failed();
    }
    if (failed.empty()) {
      EXPECT_EQ(outcome, "");
      EXPECT_EQ(nth, 7u);
      break;
    }
    SCOPED_TRACE(failed);
    EXPECT_THAT(outcome, testing::MatchesRegex("58030 could not .*: Input/output error"));
    EXPECT_THAT(files_in(dir()), ElementsAre("a.slot"));
    EXPECT_THAT(read(), ElementsAre(nth <= 3 ? kOld : kNew));  // the fourth call renames
  }
}

TEST_F(SlotFileDiskTest, ACrashAnywhereLeavesTheOldStateOrTheNew) {
  for (std::size_t nth = 0;; ++nth) {
    EXPECT_EQ(said(write_state(dir(), kOld)), "");
    std::string failed;
    {
      const FailingDisk disk(dir(), nth, EIO, Failing::kFromThere);
      static_cast<void>(write_state(dir(), kNew));
      failed = disk.failed();
    }
    SCOPED_TRACE(failed);
    EXPECT_THAT(read(), ElementsAre(nth <= 3 ? kOld : kNew));
    EXPECT_THAT(files_in(dir()), ElementsAre("a.slot"));
    if (failed.empty()) break;
  }
}

TEST_F(SlotFileDiskTest, ARemovalThatFailedMayBeTriedAgain) {
  for (std::size_t nth = 0; nth < 3; ++nth) {
    EXPECT_EQ(said(write_state(dir(), kOld)), "");
    {
      const FailingDisk disk(dir(), nth, EIO, Failing::kOnlyThere);
      EXPECT_NE(said(remove_state(dir(), "a")), "");
    }
    EXPECT_EQ(said(remove_state(dir(), "a")), "");
    EXPECT_THAT(files_in(dir()), IsEmpty());
  }
}

TEST_F(SlotFileDiskTest, ErrorsHaveThePathAndTheSqlstateOfTheirErrno) {
  const std::string temporary = "\"" + file("a.slot.tmp") + "\"";
  const std::string state = "\"" + file("a.slot") + "\"";
  const std::string directory = "\"" + dir() + "\"";
  const auto write_failing = [&](std::size_t nth, int sys_errno) {
    const FailingDisk disk(dir(), nth, sys_errno, Failing::kOnlyThere);
    return said(write_state(dir(), kNew));
  };
  EXPECT_EQ(write_failing(0, EACCES),
            "42501 could not create file " + temporary + ": Permission denied");
  EXPECT_EQ(write_failing(0, EROFS),
            "42501 could not create file " + temporary + ": Read-only file system");
  EXPECT_EQ(write_failing(0, EMFILE),
            "53000 could not create file " + temporary + ": Too many open files");
  EXPECT_EQ(write_failing(1, ENOSPC),
            "53100 could not write to file " + temporary + ": No space left on device");
  EXPECT_EQ(write_failing(2, EIO),
            "58030 could not fsync file " + temporary + ": Input/output error");
  EXPECT_EQ(write_failing(3, ENOSPC), "53100 could not rename file " + temporary + " to " + state +
                                          ": No space left on device");
  EXPECT_EQ(write_failing(4, EIO), "58030 could not fsync file " + state + ": Input/output error");
  EXPECT_EQ(write_failing(6, EIO),
            "58030 could not fsync file " + directory + ": Input/output error");
  const FailingDisk disk(dir(), 0, EROFS, Failing::kOnlyThere);
  EXPECT_EQ(said(remove_state(dir(), "a")),
            "42501 could not remove file " + state + ": Read-only file system");
}

TEST_F(SlotFileDiskTest, AnInterruptedCallIsMadeAgain) {
  for (const std::size_t nth : {0u, 1u, 2u, 4u, 5u, 6u}) {
    const FailingDisk disk(dir(), nth, EINTR, Failing::kOnlyThere);
    EXPECT_EQ(said(write_state(dir(), kNew)), "") << disk.failed();
  }
}

// The kernel writes as much as it may, and that is not all.
TEST_F(SlotFileDiskTest, AShortWriteIsAFullDisk) {
  EXPECT_EQ(said(write_state(dir(), kOld)), "");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit less{40, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &less), 0);
  const std::string outcome = said(write_state(dir(), kNew));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(outcome, "53100 could not write to file \"" + file("a.slot.tmp") +
                         "\": No space left on device");
  EXPECT_THAT(files_in(dir()), ElementsAre("a.slot"));
  EXPECT_THAT(read(), ElementsAre(kOld));
}

// /dev/full is a disk without any space.
TEST_F(SlotFileDiskTest, AFullDiskIsAnErrorAndNotACrash) {
  std::filesystem::create_symlink("/dev/full", file("a.slot.tmp"));
  EXPECT_EQ(said(write_state(dir(), kNew)), "53100 could not write to file \"" +
                                                file("a.slot.tmp") + "\": No space left on device");
  EXPECT_THAT(files_in(dir()), IsEmpty());
}

TEST_F(SlotFileDiskTest, ADirectoryThatVanishesIsAnError) {
  const std::string gone = file("gone");
  EXPECT_EQ(said(write_state(gone, kNew)),
            "58P01 could not create file \"" + gone + "/a.slot.tmp\": No such file or directory");
  EXPECT_EQ(said(remove_state(gone, "a")),
            "58P01 could not open file \"" + gone + "\": No such file or directory");
}

TEST_F(SlotFileDiskTest, SomethingElseInItsPlaceIsAnErrorAndStays) {
  std::filesystem::create_directory(file("a.slot"));
  write_file(file("a.slot/keep"), "x");
  EXPECT_EQ(said(write_state(dir(), kNew)), "42809 could not rename file \"" + file("a.slot.tmp") +
                                                "\" to \"" + file("a.slot") + "\": Is a directory");
  EXPECT_THAT(said(remove_state(dir(), "a")),
              AnyOf(testing::HasSubstr("Is a directory"), testing::HasSubstr("not permitted")));
  EXPECT_EQ(content_of(file("a.slot/keep")), "x");
  EXPECT_THAT(files_in(dir()), ElementsAre("a.slot"));
}

}  // namespace
}  // namespace server::slot
