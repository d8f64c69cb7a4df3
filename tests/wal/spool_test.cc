#include "server/wal/spool.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "runtime/errors.h"
#include "server/wal/data_directory.h"
#include "server/wal/generator.h"
#include "tests/support/temp_dir.h"

// Which directories become a spool, and what a spool's mark says of its WAL.

namespace server::wal {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSystem = 4711;

struct SpoolTest : testing::Test {
  SpoolTest() { fs::create_directory(path); }

  void put(const std::string& name, const std::string& text = "") const {
    fs::create_directories(fs::path(path + "/" + name).parent_path());
    std::ofstream(path + "/" + name) << text;
  }
  std::string mark() const { return path + "/walcast.spool"; }
  std::string opened(bool adopt = false) const { return opened_at(path, adopt); }
  static std::string opened_at(const std::string& directory, bool adopt = false) {
    Spool spool({.directory = directory, .adopt = adopt});
    const auto opened = spool.open();
    return opened ? "" : opened.error().what;
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      names.push_back(entry.path().string());
    }
    return names;
  }

  tests::TempDir temp;
  const std::string path = temp.file("spool");
};

TEST_F(SpoolTest, AnEmptyDirectoryIsClaimedOnceAndKnownAgain) {
  put("lost+found/x");
  put("pg_replslot/a.slot");
  {
    Spool spool({.directory = path});
    ASSERT_TRUE(spool.open());
    EXPECT_FALSE(fs::exists(mark())) << "as long as it is not known whose WAL comes";
    ASSERT_TRUE(spool.claim(kSystem));
    EXPECT_TRUE(fs::exists(mark()));
  }
  put("000000010000000000000001");
  put("anything");
  Spool again({.directory = path});
  ASSERT_TRUE(again.open());
  EXPECT_TRUE(again.claim(kSystem));
  EXPECT_EQ(again.mark().content().system_identifier, kSystem);
}

TEST_F(SpoolTest, ADirectoryWithFilesAndNoMarkIsRefusedAndLeftAsItIs) {
  for (const std::string name :
       {"000000010000000000000001", "00000002.history", "notes.txt", "base/1"}) {
    fs::remove_all(path);
    fs::create_directory(path);
    put(name);
    const auto before = files();
    EXPECT_EQ(opened(), "directory \"" + path + "\" is not empty, and no spool of walcast") << name;
    EXPECT_EQ(files(), before);
  }
}

TEST_F(SpoolTest, OnlyWalIsAdopted) {
  put("000000010000000000000001");
  put("00000002.history");
  put("000000020000000000000002.tmp");
  put("pg_replslot/a.slot");
  EXPECT_NE(opened(), "");
  EXPECT_EQ(opened(/*adopt=*/true), "");
  put("archive_status/000000010000000000000001.done");
  EXPECT_EQ(opened(/*adopt=*/true),
            "directory \"" + path + "\" is not empty, and no spool of walcast");
}

TEST_F(SpoolTest, WhatIsOrLiesInADataDirectoryIsRefusedWithOrWithoutAMark) {
  for (const std::string mark : {"postmaster.pid", "PG_VERSION", "global/pg_control"}) {
    fs::remove_all(path);
    put(mark);
    for (const bool adopt : {false, true}) {
      EXPECT_NE(opened(adopt).find("belongs to a"), std::string::npos) << mark;
      EXPECT_NE(opened_at(path + "/", adopt).find("belongs to a"), std::string::npos);
      EXPECT_NE(opened_at(path + "/spool", adopt).find("belongs to a"), std::string::npos);
      EXPECT_NE(opened_at(path + "/a/b", adopt).find("belongs to a"), std::string::npos);
    }
    EXPECT_FALSE(fs::exists(path + "/spool"));
  }
  fs::remove_all(path);
  put("postmaster.pid");
  std::ofstream(path + "/postmaster.pid") << ::getpid() << "\n";
  EXPECT_EQ(opened(), "directory \"" + path + "\" belongs to a running server");
}

TEST_F(SpoolTest, ALinkDoesNotHideADataDirectory) {
  put("data/PG_VERSION");
  put("data/pg_wal/x");
  fs::create_directory_symlink(path + "/data/pg_wal", temp.file("link"));
  EXPECT_NE(opened_at(temp.file("link")).find("belongs to a"), std::string::npos);
  fs::create_directory(temp.file("disk"));
  fs::create_directory_symlink(temp.file("disk"), path + "/data/wal");
  EXPECT_NE(opened_at(path + "/data/wal").find("belongs to a"), std::string::npos);
  EXPECT_TRUE(fs::is_empty(temp.file("disk")));
}

TEST_F(SpoolTest, TheNameOfAServersWalDirectoryIsRefused) {
  EXPECT_NE(opened_at(temp.file("pg_wal")).find("a PostgreSQL server's own WAL directory"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(temp.file("pg_wal")));
}

TEST_F(SpoolTest, OnlyTheLastPartOfThePathIsMade) {
  EXPECT_EQ(opened_at(temp.file("new")), "");
  EXPECT_TRUE(fs::is_directory(temp.file("new")));
  Spool spool({.directory = temp.file("unmounted/spool")});
  const auto opened = spool.open();
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().hint, "");
  EXPECT_FALSE(fs::exists(temp.file("unmounted")));
}

TEST_F(SpoolTest, GeneratedWalGoesIntoNoDataDirectoryEither) {
  put("PG_VERSION");
  const auto generated = generate({.directory = path + "/new", .size_bytes = 1 << 20});
  ASSERT_FALSE(generated);
  EXPECT_NE(generated.error().what.find("belongs to a"), std::string::npos);
}

TEST_F(SpoolTest, ASpoolIsOfOneKindOfSource) {
  {
    Spool spool({.directory = path, .writer = SpoolWriter::kReceiver});
    ASSERT_TRUE(spool.open());
    ASSERT_TRUE(spool.claim(kSystem));
  }
  Spool synthetic({.directory = path, .writer = SpoolWriter::kGenerator, .adopt = true});
  EXPECT_FALSE(synthetic.open());
}

TEST_F(SpoolTest, ASpoolThatHadWalIsOfOneSystem) {
  Spool spool({.directory = path});
  ASSERT_TRUE(spool.open());
  ASSERT_TRUE(spool.claim(kSystem));
  EXPECT_TRUE(spool.check_empty());
  ASSERT_TRUE(spool.claim(kSystem + 1)) << "nothing came of the first one";
  ASSERT_TRUE(spool.mark().keep({}, Lsn(0x1000100)));
  const auto claimed = spool.claim(kSystem);
  ASSERT_FALSE(claimed);
  EXPECT_EQ(claimed.error().kind, &kForeignWal);
  const auto empty = spool.check_empty();
  ASSERT_FALSE(empty) << "its WAL is gone";
  EXPECT_EQ(empty.error().kind, &runtime::kDataCorrupted);
}

// A write that power cuts off damages one block.
TEST_F(SpoolTest, TheMarkSurvivesTheLossOfEitherBlock) {
  auto mark_file =
      SpoolMark::create(path, {.writer = SpoolWriter::kReceiver, .system_identifier = kSystem});
  ASSERT_TRUE(mark_file);
  const auto spoiled = [&](std::size_t block) {
    std::ifstream in(mark(), std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    EXPECT_EQ(bytes.size(), SpoolMark::kFileBytes);
    bytes[block * SpoolMark::kBlockBytes + 20] ^= 1;
    const tests::TempDir copy;
    std::ofstream(copy.file("walcast.spool"), std::ios::binary) << bytes;
    auto opened = SpoolMark::open(copy.path());
    return opened && *opened ? (*opened)->content() : SpoolMarkContent{};
  };
  Lsn before;
  for (std::uint64_t n = 1; n < 6; ++n) {
    const Lsn kept(n * 0x1000);
    ASSERT_TRUE(mark_file->keep({}, kept));
    const auto newest = (*SpoolMark::open(path))->content();
    EXPECT_EQ(newest, (SpoolMarkContent{SpoolWriter::kReceiver, kSystem, Lsn(), kept}));
    const auto lost_newest = spoiled((n + 1) % 2);
    const auto lost_older = spoiled(n % 2);
    EXPECT_EQ(lost_newest, (SpoolMarkContent{SpoolWriter::kReceiver, kSystem, Lsn(), before})) << n;
    EXPECT_EQ(lost_older, newest) << n;
    before = kept;
  }
  std::ofstream(mark(), std::ios::binary) << std::string(SpoolMark::kFileBytes, 'x');
  const auto damaged = SpoolMark::open(path);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().kind, &runtime::kDataCorrupted);
}

}  // namespace
}  // namespace server::wal
