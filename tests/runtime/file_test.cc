#include "runtime/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/errors.h"
#include "tests/support/disk_calls.h"
#include "tests/support/temp_dir.h"
#include "tests/support/unprivileged.h"

namespace runtime {
namespace {

using testing::IsSupersetOf;
using testing::StartsWith;

class FileTest : public testing::Test {
 protected:
  std::string made(const std::string& name, const std::string& text) const {
    std::ofstream(directory.file(name)) << text;
    return directory.file(name);
  }
  // What read_at finds of an open file.
  static std::string read(const std::string& path, std::uint64_t offset, std::size_t size) {
    const auto file = open_for_reading(path);
    CHECK(file.has_value());
    std::string text(size, '?');
    const auto got = read_at(*file, path, offset, std::as_writable_bytes(std::span(text)));
    CHECK(got.has_value());
    text.resize(*got);
    return text;
  }

  tests::TempDir directory;
};

TEST_F(FileTest, ADirectoryHasOneUser) {
  {
    const auto first = lock_directory(directory.path());
    ASSERT_TRUE(first.has_value());
    const auto second = lock_directory(directory.path());
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().kind->code, "F0001");
    EXPECT_EQ(second.error().what, "directory \"" + directory.path() + "\" is already in use");
    EXPECT_EQ(is_locked(directory.path()).value(), true);
  }
  EXPECT_EQ(is_locked(directory.path()).value(), false);
  EXPECT_TRUE(lock_directory(directory.path()).has_value()) << "the first has gone";
}

// Else any user that may list the directory could lock it.
TEST_F(FileTest, WhatIsLockedNobodyElseMayOpen) {
  EXPECT_EQ(is_locked(directory.path()).value(), false);
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
  const mode_t before = ::umask(0);
  EXPECT_TRUE(lock_directory(directory.path()).has_value());
  ::umask(before);
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(directory.file(std::string(kLockFileName))).permissions(),
            perms::owner_read | perms::owner_write);
}

TEST_F(FileTest, AFileIsNotPassedOnToOtherPrograms) {
  const auto file = open_for_reading(made("a", ""));
  ASSERT_TRUE(file);
  EXPECT_TRUE(::fcntl(file->get(), F_GETFD) & FD_CLOEXEC);
}

TEST_F(FileTest, AMissingFileIsAnErrorWithPostgresWords) {
  const auto file = open_for_reading(directory.file("none"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, &kFileMissing);
  EXPECT_EQ(file.error().kind->code, "58P01");
  EXPECT_EQ(file.error().what,
            "could not open file \"" + directory.file("none") + "\": No such file or directory");
}

TEST_F(FileTest, AFileThatMayNotBeReadIsAnError) {
  const std::string path = made("a", "x");
  std::filesystem::permissions(path, std::filesystem::perms::none);
  const tests::Unprivileged nobody;
  if (!nobody.is_effective()) GTEST_SKIP() << "root cannot be anybody else here";
  const auto file = open_for_reading(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind->code, "42501");
  EXPECT_EQ(file.error().what, "could not open file \"" + path + "\": Permission denied");
}

TEST_F(FileTest, ReadsAtAnOffsetWhatThereIs) {
  const std::string path = made("a", "0123456789");
  EXPECT_EQ(read(path, 0, 10), "0123456789");
  EXPECT_EQ(read(path, 3, 4), "3456");
  EXPECT_EQ(read(path, 7, 100), "789");
  EXPECT_EQ(read(path, 10, 5), "");
  EXPECT_EQ(read(path, 5'000'000'000, 5), "");
  EXPECT_EQ(read(path, 2, 0), "");
}

TEST_F(FileTest, AReadThatFailsNamesTheFile) {
  const auto file = open_for_reading(directory.path());
  ASSERT_TRUE(file);
  std::byte byte;
  const auto got = read_at(*file, "the name", 0, std::span(&byte, 1));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().what, "could not read file \"the name\": Is a directory");
}

TEST_F(FileTest, ASmallFileIsReadWhole) {
  EXPECT_EQ(read_text(made("empty", ""), 10).value(), "");
  EXPECT_EQ(read_text(made("text", "one\ntwo\n"), 100).value(), "one\ntwo\n");
  EXPECT_EQ(read_text(made("full", "0123456789"), 10).value(), "0123456789");
}

TEST_F(FileTest, AFileThatIsNotSmallIsRefused) {
  const std::string path = made("large", "0123456789A");
  const auto text = read_text(path, 10);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind->code, "53000");
  EXPECT_EQ(text.error().what, "file \"" + path + "\" is larger than 10 bytes");
}

TEST_F(FileTest, ATextThatIsNotThereOrIsNoneIsAnError) {
  EXPECT_THAT(read_text(directory.file("none"), 10).error().what,
              StartsWith("could not open file"));
  EXPECT_THAT(read_text(directory.path(), 10).error().what, StartsWith("could not read file"));
}

TEST_F(FileTest, ListsEveryName) {
  made("a", "");
  made(".hidden", "");
  std::filesystem::create_directory(directory.file("folder"));
  const auto names = list_directory(directory.path());
  ASSERT_TRUE(names);
  EXPECT_THAT(*names, IsSupersetOf({"a", ".hidden", "folder"}));
}

TEST_F(FileTest, ADirectoryThatCannotBeListedIsAnError) {
  const auto missing = list_directory(directory.file("none"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, &kFileMissing);
  EXPECT_EQ(missing.error().what, "could not open directory \"" + directory.file("none") +
                                      "\": No such file or directory");
  const std::string file = made("a", "");
  EXPECT_EQ(list_directory(file).error().what,
            "could not open directory \"" + file + "\": Not a directory");
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST_F(FileTest, AnInterruptedCallIsMadeAgain) {
  std::size_t calls = 0;
  const tests::DiskHook hook(directory.path(), [&](const tests::DiskCall&) {
    return calls++ % 2 == 0 ? EINTR : 0;  // each call once
  });
  const std::string path = directory.file("a");
  const auto file = open_for_writing(path, OpenMode::kNew);
  ASSERT_TRUE(file);
  EXPECT_EQ(write_some_at(*file, path, 2, bytes_of("abc")).value(), 3u);
  EXPECT_TRUE(truncate_file(*file, path, 4));
  EXPECT_TRUE(allocate_file(*file, path, 6));
  EXPECT_TRUE(sync_file(*file, path, SyncWhat::kData));
  EXPECT_TRUE(sync_file(*file, path, SyncWhat::kAll));
  EXPECT_EQ(read(path, 0, 10), std::string("\0\0ab\0\0", 6));
  EXPECT_EQ(calls, 2u * 9u) << "with those of reading it";
}

TEST_F(FileTest, ANewFileMustNotExistAndAnEmptyOneLosesItsContent) {
  const std::string path = made("a", "content");
  const auto refused = open_for_writing(path, OpenMode::kNew);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "could not create file \"" + path + "\": File exists");
  EXPECT_TRUE(open_for_writing(path, OpenMode::kExisting));
  EXPECT_EQ(read(path, 0, 10), "content");
  EXPECT_TRUE(open_for_writing(path, OpenMode::kEmpty));
  EXPECT_EQ(read(path, 0, 10), "");
  const std::string missing = directory.file("none");
  EXPECT_EQ(open_for_writing(missing, OpenMode::kExisting).error().what,
            "could not open file \"" + missing + "\": No such file or directory");
}

TEST_F(FileTest, WhatTheDiskRefusesIsSaidInPostgresWords) {
  const std::string path = made("a", "content");
  const auto file = open_for_writing(path, OpenMode::kExisting);
  ASSERT_TRUE(file);
  const tests::DiskHook hook(directory.path(), [](const tests::DiskCall&) { return EIO; });
  const auto says = [&](const auto& result, const std::string& action) {
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().what, "could not " + action + " \"" + path + "\": Input/output error");
  };
  says(write_some_at(*file, path, 0, bytes_of("x")), "write to file");
  says(truncate_file(*file, path, 1), "truncate file");
  says(allocate_file(*file, path, 1), "write to file");
  says(sync_file(*file, path, SyncWhat::kData), "fsync file");
  says(sync_file(*file, path, SyncWhat::kAll), "fsync file");
  says(sync_path(path), "open file");
  says(unlink_file(path), "remove file");
  says(create_private_directory(path), "create directory");
}

TEST_F(FileTest, AFileThatIsMissingCountsAsUnlinked) {
  EXPECT_TRUE(unlink_file(directory.file("none")));
  EXPECT_EQ(rename_file(directory.file("none"), directory.file("b")).error().what,
            "could not rename file \"" + directory.file("none") + "\" to \"" + directory.file("b") +
                "\": No such file or directory");
}

TEST_F(FileTest, APrivateDirectoryIsMadeOnce) {
  const std::string path = directory.file("private");
  ASSERT_TRUE(create_private_directory(path));
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
  EXPECT_TRUE(create_private_directory(path));
  const std::string below_a_file = made("f", "") + "/d";
  EXPECT_EQ(create_private_directory(below_a_file).error().what,
            "could not create directory \"" + below_a_file + "\": Not a directory");
}

// Whoever made it may have been killed before its name was on the disk.
TEST_F(FileTest, APrivateDirectoryThatIsThereIsMadeDurable) {
  ASSERT_TRUE(create_private_directory(directory.file("private")));
  std::string synced;
  int sys_errno = 0;
  const tests::DiskHook hook(directory.path(), [&](const tests::DiskCall& call) {
    if (call.name == "fsync") synced = call.file;
    return call.name == "open" ? sys_errno : 0;
  });
  EXPECT_TRUE(create_private_directory(directory.file("private")));
  EXPECT_EQ(synced, ".");
  sys_errno = EIO;
  EXPECT_FALSE(create_private_directory(directory.file("private")));
  sys_errno = EACCES;
  EXPECT_TRUE(create_private_directory(directory.file("private")));
}

// As where the disk that has it is not mounted.
TEST_F(FileTest, ADirectoryIsNotMadeWithAllThatIsAboveIt) {
  const std::string path = directory.file("x/y");
  const auto made = create_private_directory(path);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().what,
            "could not create directory \"" + path + "\": No such file or directory");
  EXPECT_NE(made.error().hint, "");
  EXPECT_FALSE(std::filesystem::exists(directory.file("x")));
}

}  // namespace
}  // namespace runtime
