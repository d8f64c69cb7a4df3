#include "server/wal/files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/errors.h"
#include "tests/support/temp_dir.h"
#include "tests/support/unprivileged.h"

namespace server::wal {
namespace {

using testing::IsSupersetOf;
using testing::StartsWith;

class FilesTest : public testing::Test {
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

TEST_F(FilesTest, ADirectoryHasOneUser) {
  {
    const auto first = lock_directory(directory.path());
    ASSERT_TRUE(first.has_value());
    const auto second = lock_directory(directory.path());
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().kind->code, "F0001");
    EXPECT_EQ(second.error().what, "directory \"" + directory.path() + "\" is already in use");
  }
  EXPECT_TRUE(lock_directory(directory.path()).has_value()) << "the first has gone";
}

TEST_F(FilesTest, AFileIsNotPassedOnToOtherPrograms) {
  const auto file = open_for_reading(made("a", ""));
  ASSERT_TRUE(file);
  EXPECT_TRUE(::fcntl(file->get(), F_GETFD) & FD_CLOEXEC);
}

TEST_F(FilesTest, AMissingFileIsAnErrorWithPostgresWords) {
  const auto file = open_for_reading(directory.file("none"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, &runtime::kFileMissing);
  EXPECT_EQ(file.error().kind->code, "58P01");
  EXPECT_EQ(file.error().what,
            "could not open file \"" + directory.file("none") + "\": No such file or directory");
}

TEST_F(FilesTest, AFileThatMayNotBeReadIsAnError) {
  const std::string path = made("a", "x");
  std::filesystem::permissions(path, std::filesystem::perms::none);
  const tests::Unprivileged nobody;
  if (!nobody.is_effective()) GTEST_SKIP() << "root cannot be anybody else here";
  const auto file = open_for_reading(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind->code, "42501");
  EXPECT_EQ(file.error().what, "could not open file \"" + path + "\": Permission denied");
}

TEST_F(FilesTest, APartialStandsInForASegmentThatIsMissing) {
  const std::string path = made("segment", "whole");
  made("segment.partial", "part");
  const auto text = [&](const auto& file) {
    std::string found(5, '?');
    found.resize(read_at(*file, path, 0, std::as_writable_bytes(std::span(found))).value());
    return found;
  };
  EXPECT_EQ(text(open_segment_file(path)), "whole");
  std::filesystem::remove(path);
  EXPECT_EQ(text(open_segment_file(path)), "part");
  std::filesystem::remove(path + ".partial");
  EXPECT_EQ(open_segment_file(path).error().what,
            "could not open file \"" + path + "\": No such file or directory");
}

TEST_F(FilesTest, ReadsAtAnOffsetWhatThereIs) {
  const std::string path = made("a", "0123456789");
  EXPECT_EQ(read(path, 0, 10), "0123456789");
  EXPECT_EQ(read(path, 3, 4), "3456");
  EXPECT_EQ(read(path, 7, 100), "789");
  EXPECT_EQ(read(path, 10, 5), "");
  EXPECT_EQ(read(path, 5'000'000'000, 5), "");
  EXPECT_EQ(read(path, 2, 0), "");
}

TEST_F(FilesTest, AReadThatFailsNamesTheFile) {
  const auto file = open_for_reading(directory.path());
  ASSERT_TRUE(file);
  std::byte byte;
  const auto got = read_at(*file, "the name", 0, std::span(&byte, 1));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().what, "could not read file \"the name\": Is a directory");
}

TEST_F(FilesTest, ASmallFileIsReadWhole) {
  EXPECT_EQ(read_text(made("empty", ""), 10).value(), "");
  EXPECT_EQ(read_text(made("text", "one\ntwo\n"), 100).value(), "one\ntwo\n");
  EXPECT_EQ(read_text(made("full", "0123456789"), 10).value(), "0123456789");
}

TEST_F(FilesTest, AFileThatIsNotSmallIsRefused) {
  const std::string path = made("large", "0123456789A");
  const auto text = read_text(path, 10);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind->code, "53000");
  EXPECT_EQ(text.error().what, "file \"" + path + "\" is larger than 10 bytes");
}

TEST_F(FilesTest, ATextThatIsNotThereOrIsNoneIsAnError) {
  EXPECT_THAT(read_text(directory.file("none"), 10).error().what,
              StartsWith("could not open file"));
  EXPECT_THAT(read_text(directory.path(), 10).error().what, StartsWith("could not read file"));
}

TEST_F(FilesTest, ListsEveryName) {
  made("a", "");
  made(".hidden", "");
  std::filesystem::create_directory(directory.file("folder"));
  const auto names = list_directory(directory.path());
  ASSERT_TRUE(names);
  EXPECT_THAT(*names, IsSupersetOf({"a", ".hidden", "folder"}));
}

TEST_F(FilesTest, ADirectoryThatCannotBeListedIsAnError) {
  const auto missing = list_directory(directory.file("none"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, &runtime::kFileMissing);
  EXPECT_EQ(missing.error().what, "could not open directory \"" + directory.file("none") +
                                      "\": No such file or directory");
  const std::string file = made("a", "");
  EXPECT_EQ(list_directory(file).error().what,
            "could not open directory \"" + file + "\": Not a directory");
}

}  // namespace
}  // namespace server::wal
