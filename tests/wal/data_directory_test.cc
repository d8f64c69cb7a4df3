#include "server/wal/data_directory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"

namespace server::wal {
namespace {

namespace fs = std::filesystem;

struct DataDirectoryTest : ::testing::Test {
  DataDirectoryTest() {
    fs::create_directories(data + "/pg_wal");
    std::ofstream(data + "/PG_VERSION") << "15\n";
  }
  bool runs(const std::string& text) const {
    std::ofstream(pid_file(data)) << text;
    return has_running_server(data);
  }

  const tests::TempDir temp;
  const std::string data = temp.file("data");
};

TEST_F(DataDirectoryTest, ItIsTheOneThatPgWalLiesIn) {
  for (const char* name : {"/pg_wal", "/pg_wal/", "/./pg_wal", "/base/../pg_wal"}) {
    EXPECT_EQ(find_data_directory(data + name), data) << name;
  }
  EXPECT_EQ(find_data_directory(data), std::nullopt) << "it is not its own WAL";
  EXPECT_EQ(find_data_directory(data + "/pg_wal/archive_status"), std::nullopt);
}

TEST_F(DataDirectoryTest, ItIsFoundThroughALinkFromEitherSide) {
  fs::create_directory(temp.file("disk"));
  fs::create_directory_symlink(temp.file("disk"), data + "/linked");
  EXPECT_EQ(find_data_directory(data + "/linked"), data);
  EXPECT_EQ(find_data_directory(temp.file("disk")), std::nullopt);
  fs::create_directory_symlink(data + "/pg_wal", temp.file("wal"));
  EXPECT_EQ(find_data_directory(temp.file("wal")), data);
  EXPECT_EQ(find_data_directory(temp.file("nothing")), std::nullopt);
}

TEST_F(DataDirectoryTest, AServerRunsIfItsProcessDoes) {
  EXPECT_FALSE(has_running_server(data));
  EXPECT_TRUE(runs(std::to_string(::getpid()) + "\n" + data + "\n"));
  EXPECT_TRUE(runs("-" + std::to_string(::getpid()) + "\n")) << "a standalone backend";
  EXPECT_FALSE(runs("2147483646\n"));
  EXPECT_FALSE(runs("0\n"));
  EXPECT_FALSE(runs("garbage\n"));
}

}  // namespace
}  // namespace server::wal
