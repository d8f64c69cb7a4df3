// slot_file.h's read_states() on whatever may be found in a directory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "server/slot/slot_file.h"
#include "tests/slot/said.h"
#include "tests/slot/slot_files.h"
#include "tests/support/disk_calls.h"
#include "tests/support/temp_dir.h"

namespace server::slot {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using tests::content_of;
using tests::Failing;
using tests::FailingDisk;
using tests::files_in;
using tests::said;
using tests::write_file;
using wal::Lsn;

const SlotState kGood{"good", Lsn(0x1000)};

std::string state_file(const SlotState& state) {
  const auto bytes = encode(state);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct SlotFileReadTest : testing::Test {
  std::vector<SlotState> read() {
    testing::internal::CaptureStderr();
    auto states = read_states(dir());
    log_ = testing::internal::GetCapturedStderr();
    EXPECT_EQ(said(states), "");
    return states ? *std::move(states) : std::vector<SlotState>();
  }
  std::string dir() const { return dir_.file("slots"); }
  std::string file(const std::string& name) const { return dir() + "/" + name; }

  void SetUp() override { std::filesystem::create_directory(dir()); }

  tests::TempDir dir_;
  std::string log_;  // what the last read() has logged
};

TEST_F(SlotFileReadTest, AMissingDirectoryIsMadeForTheOwnerOnly) {
  std::filesystem::remove(dir());
  EXPECT_THAT(read(), IsEmpty());
  struct stat status {};
  ASSERT_EQ(::stat(dir().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  EXPECT_EQ(log_, "");
}

TEST_F(SlotFileReadTest, ALookChangesNothingAndNamesWhatIsWrong) {
  write_file(file("good.slot"), state_file(kGood));
  write_file(file("other.slot"), state_file(kGood));
  write_file(file("torn.slot"), state_file(kGood).substr(0, 50));
  write_file(file("new.slot.tmp"), "x");
  const std::vector<std::string> before = files_in(dir());
  const auto found = look_at_states(dir());
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->readable, 1u);
  std::vector<std::string> errors;
  for (const runtime::Error& error : found->errors) errors.push_back(error.what);
  EXPECT_THAT(errors, UnorderedElementsAre(HasSubstr("has the state of slot \"good\""),
                                           HasSubstr("torn.slot")));
  EXPECT_EQ(files_in(dir()), before);
  std::filesystem::remove_all(dir());
  EXPECT_EQ(look_at_states(dir())->readable, 0u);
  EXPECT_FALSE(std::filesystem::exists(dir()));
}

// Or a power cut could take the directory and all slots in it.
TEST_F(SlotFileReadTest, ANewDirectoryIsSyncedInItsParent) {
  std::filesystem::remove(dir());
  std::vector<std::string> calls;
  {
    const tests::DiskHook hook(dir_.path(), [&](const tests::DiskCall& call) {
      calls.push_back(call.text());
      return 0;
    });
    EXPECT_THAT(read(), IsEmpty());
  }
  EXPECT_THAT(calls,
              ElementsAre("mkdir slots", "open slots/..", "fsync .", "open slots", "fsync slots"));
}

TEST_F(SlotFileReadTest, TemporaryFilesAreRemoved) {
  write_file(file("good.slot"), state_file(kGood));
  write_file(file("good.slot.tmp"), state_file({"good", Lsn(0x2000)}));
  write_file(file("other.slot.tmp"), "half");
  EXPECT_THAT(read(), ElementsAre(kGood));
  EXPECT_THAT(files_in(dir()), ElementsAre("good.slot"));
  EXPECT_EQ(log_, "");
}

TEST_F(SlotFileReadTest, FilesOfOthersAreLeftAlone) {
  for (const char* other : {"README", "slot", "good.slot.corrupt", "good.slot.bak", "x.tmp"}) {
    write_file(file(other), "x");
  }
  EXPECT_THAT(read(), IsEmpty());
  EXPECT_THAT(files_in(dir()),
              ElementsAre("README", "good.slot.bak", "good.slot.corrupt", "slot", "x.tmp"));
  EXPECT_EQ(log_, "");
}

TEST_F(SlotFileReadTest, WhatCannotBeTrustedIsSetAsideWithAWarning) {
  const std::string good = state_file(kGood);
  std::string damaged = state_file({"damaged", Lsn(0x1000)});
  damaged[20] ^= 1;
  const std::vector<std::pair<std::string, std::string>> corrupt{
      {"damaged", damaged},
      {"empty", ""},
      {"half", good.substr(0, 50)},
      {"huge", std::string(100'000, 'x')},
      {"longer", good + "x"},
      {"renamed", good},  // the state of another slot
      {"zeros", std::string(kStateFileBytes, '\0')},
      {"Invalid Name", good}};
  write_file(file("good.slot"), good);
  for (const auto& [name, content] : corrupt) write_file(file(name + ".slot"), content);
  EXPECT_THAT(read(), ElementsAre(kGood));
  EXPECT_EQ(files_in(dir()).size(), corrupt.size() + 1);
  for (const auto& [name, content] : corrupt) {
    const std::string aside = file(name + ".slot.corrupt");
    EXPECT_EQ(content_of(aside), content);
    EXPECT_THAT(log_,
                HasSubstr("; the slot is lost, and keeps no WAL any more; its file is now \"" +
                          aside + "\"\n"));
  }
  EXPECT_THAT(log_, HasSubstr("WARNING:  could not read file \"" + file("half.slot") +
                              "\": read 34 of 152; the slot"));
  EXPECT_THAT(log_, HasSubstr("WARNING:  replication slot file \"" + file("renamed.slot") +
                              "\" has the state of slot \"good\"; the slot"));
  EXPECT_THAT(log_, HasSubstr("WARNING:  checksum mismatch for replication slot file \"" +
                              file("damaged.slot") + "\": is "));
  EXPECT_THAT(read(), ElementsAre(kGood));
  EXPECT_EQ(log_, "");
}

TEST_F(SlotFileReadTest, WhatIsSetAsideTakesNoNameThatIsTaken) {
  for (const char* content : {"first", "second", "third"}) {
    write_file(file("a.slot"), content);
    EXPECT_THAT(read(), IsEmpty());
  }
  EXPECT_EQ(content_of(file("a.slot.corrupt")), "first");
  EXPECT_EQ(content_of(file("a.slot.corrupt.2")), "second");
  EXPECT_EQ(content_of(file("a.slot.corrupt.3")), "third");
}

TEST_F(SlotFileReadTest, AFailureAnywhereIsAnErrorAndLosesNothing) {
  const SlotState other{"other", Lsn()};
  write_file(file("good.slot"), state_file(kGood));
  write_file(file("other.slot"), state_file(other));
  for (std::size_t nth = 0;; ++nth) {
    write_file(file("bad.slot"), "bad");
    write_file(file("x.slot.tmp"), "x");
    std::string failed;
    std::string outcome;
    {
      const FailingDisk disk(dir(), nth, EIO, Failing::kOnlyThere);
      testing::internal::CaptureStderr();
      outcome = said(read_states(dir()));
      testing::internal::GetCapturedStderr();
      failed = disk.failed();
    }
    if (failed.empty()) break;
    EXPECT_THAT(outcome, testing::MatchesRegex("58030 could not .*: Input/output error")) << failed;
    EXPECT_THAT(read(), UnorderedElementsAre(kGood, other)) << failed;
    EXPECT_THAT(files_in(dir()), testing::Contains("bad.slot.corrupt"));
  }
}

TEST_F(SlotFileReadTest, AFileThatMayNotBeReadIsNotTakenForACorruptOne) {
  write_file(file("good.slot"), state_file(kGood));
  const FailingDisk disk(dir(), 2, EACCES, Failing::kOnlyThere);
  EXPECT_EQ(said(read_states(dir())),
            "42501 could not open file \"" + file("good.slot") + "\": Permission denied");
  EXPECT_EQ(disk.failed(), "open good.slot");
  EXPECT_THAT(files_in(dir()), ElementsAre("good.slot"));
}

TEST_F(SlotFileReadTest, NoDirectoryCanBeMadeInAMissingOne) {
  EXPECT_EQ(
      said(read_states(dir_.file("no/slots"))),
      "58P01 could not create directory \"" + dir_.file("no/slots") +
          "\": No such file or directory; The directory above it must exist. Is a file system "
          "not mounted?");
}

TEST_F(SlotFileReadTest, AFileIsNoDirectory) {
  write_file(dir_.file("file"), "x");
  EXPECT_EQ(said(read_states(dir_.file("file"))),
            "42809 could not open directory \"" + dir_.file("file") + "\": Not a directory");
  EXPECT_EQ(content_of(dir_.file("file")), "x");
}

}  // namespace
}  // namespace server::slot
