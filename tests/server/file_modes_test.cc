#include "server/admin/file_modes.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "runtime/file.h"
#include "runtime/process.h"
#include "tests/support/temp_dir.h"

namespace server::admin {
namespace {

unsigned mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777;
}

struct FileModesTest : testing::Test {
  FileModesTest() { runtime::set_readers_of_new_files(runtime::Readers::kOwner); }
  ~FileModesTest() override {
    runtime::set_readers_of_new_files(runtime::Readers::kOwner);
    ::umask(before);
  }

  unsigned mode_of_new_file(const std::string& name) const {
    EXPECT_TRUE(runtime::open_for_writing(spool.file(name), runtime::OpenMode::kNew));
    return mode_of(spool.file(name));
  }

  const mode_t before = ::umask(0077);
  const tests::TempDir spool;
};

TEST_F(FileModesTest, AreThoseOfThePrimary) {
  ::chmod(spool.path().c_str(), 0700);
  take_modes({{"data_directory_mode", "0750"}}, {spool.path(), ""});
  EXPECT_EQ(mode_of(spool.path()), 0750u);
  EXPECT_EQ(mode_of_new_file("shared"), 0640u);
  take_modes({{"data_directory_mode", "0700"}}, {spool.path()});
  EXPECT_EQ(mode_of(spool.path()), 0700u);
  EXPECT_EQ(mode_of_new_file("private"), 0600u);
}

TEST_F(FileModesTest, StayWhereThePrimaryDoesNotTell) {
  ::chmod(spool.path().c_str(), 0700);
  take_modes({{"wal_level", "replica"}}, {spool.path()});
  EXPECT_EQ(mode_of(spool.path()), 0700u);
  EXPECT_EQ(mode_of_new_file("private"), 0600u);
}

TEST_F(FileModesTest, ADirectoryThatAnOperatorHasOpenedStaysOpen) {
  ::chmod(spool.path().c_str(), 0755);
  take_modes({{"data_directory_mode", "0700"}}, {spool.path()});
  EXPECT_EQ(mode_of(spool.path()), 0755u);
}

}  // namespace
}  // namespace server::admin
