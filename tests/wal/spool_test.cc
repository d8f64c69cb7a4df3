#include "server/wal/spool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "runtime/errors.h"
#include "server/wal/data_directory.h"
#include "server/wal/generator.h"
#include "server/wal/names.h"
#include "tests/support/disk_calls.h"
#include "tests/support/temp_dir.h"
#include "tests/wal/writer_rig.h"

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
  ASSERT_TRUE(spool.mark().keep_to(Lsn(0x1000100)));
  const auto claimed = spool.claim(kSystem);
  ASSERT_FALSE(claimed);
  EXPECT_EQ(claimed.error().kind, &kForeignWal);
  const auto empty = spool.check_empty();
  ASSERT_FALSE(empty) << "its WAL is gone";
  EXPECT_EQ(empty.error().kind, &runtime::kDataCorrupted);
}

// A write that power cuts off damages one block.
TEST_F(SpoolTest, TheMarkSurvivesTheLossOfEitherBlock) {
  auto mark_file = SpoolMark::create(
      path, {.writer = SpoolWriter::kReceiver, .system_identifier = kSystem, .kept_to = {}});
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
    ASSERT_TRUE(mark_file->keep_to(kept));
    const auto newest = (*SpoolMark::open(path))->content();
    EXPECT_EQ(newest, (SpoolMarkContent{SpoolWriter::kReceiver, kSystem, kept}));
    const auto lost_newest = spoiled((n + 1) % 2);
    const auto lost_older = spoiled(n % 2);
    EXPECT_EQ(lost_newest, (SpoolMarkContent{SpoolWriter::kReceiver, kSystem, before})) << n;
    EXPECT_EQ(lost_older, newest) << n;
    before = kept;
  }
  std::ofstream(mark(), std::ios::binary) << std::string(SpoolMark::kFileBytes, 'x');
  const auto damaged = SpoolMark::open(path);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().kind, &runtime::kDataCorrupted);
}

// A relay's spool, as it is found by the next start.
struct SpoolEndTest : WriterRig {
  SpoolEndTest() {
    options.directory = spool_path;
    claim();
  }

  void claim() {
    spool.emplace(Spool::Options{.directory = spool_path});
    EXPECT_TRUE(spool->open());
    EXPECT_TRUE(spool->claim(identity.system_identifier));
  }
  void write_segments(int count) {
    const Lsn to = begin() + static_cast<std::uint64_t>(count) * identity.segment_size.bytes();
    while (writer->end() < to) {
      append(20'000);
      ASSERT_TRUE(writer->write(take()));
      wait_for_flush();
    }
  }
  std::string segment(std::uint64_t no) const {
    return spool_path + "/" + segment_name(kFirst, SegmentNo{no}, identity.segment_size);
  }
  std::string aside(std::uint64_t no, std::uint32_t offset) const {
    return runtime::format("{}/set_aside/{}.{:08X}", spool_path,
                           segment_name(kFirst, SegmentNo{no}, identity.segment_size), offset);
  }
  void flip(std::uint64_t no, std::uint32_t offset) const {
    std::fstream file(segment(no), std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(offset);
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(offset);
    file.put(byte);
    ASSERT_TRUE(file.good());
  }
  static std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // Where a start finds the end; nothing if it refuses.
  runtime::Result<EndOfWal> find_end() {
    writer.reset();
    spool.reset();
    claim();
    return spool->find_end(*take_inventory(spool_path));
  }

  tests::TempDir parent{tests::memory_directory()};
  const std::string spool_path = parent.file("spool");
  std::optional<Spool> spool;
};

TEST_F(SpoolEndTest, ABitThatIsLostBeforeWhatWasOnDiskIsRefusedAndNothingIsCut) {
  start_empty(begin());
  write_segments(3);
  ASSERT_TRUE(spool->mark().keep_to(writer->proven()));
  flip(3, 500'000);
  const std::string before = content(segment(3));
  const auto end = find_end();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, &runtime::kDataCorrupted);
  EXPECT_NE(end.error().what.find(segment_name(kFirst, SegmentNo{3}, identity.segment_size)),
            std::string::npos)
      << end.error().what;
  EXPECT_EQ(content(segment(3)), before);
  flip(3, 500'000);
  EXPECT_TRUE(find_end()) << "the operator has repaired it";
}

TEST_F(SpoolEndTest, SegmentsThatAreGoneAreMissed) {
  start_empty(begin());
  write_segments(3);
  ASSERT_TRUE(spool->mark().keep_to(writer->proven()));
  std::filesystem::remove(segment(3));
  std::filesystem::remove(segment(4));
  EXPECT_FALSE(find_end());
}

TEST_F(SpoolEndTest, WhatLiesBehindTheEndIsSetAsideUntilItHasComeAgain) {
  start_empty(begin());
  write_segments(3);
  flip(3, 500'000);
  const std::string rest = content(segment(3));
  const std::string later = content(segment(4));
  auto end = find_end();
  ASSERT_TRUE(end) << end.error().what;
  const std::uint32_t offset = identity.segment_size.offset(end->end);
  ASSERT_GT(offset, 400'000u);
  resume(end->end, end->last_record);
  EXPECT_FALSE(std::filesystem::exists(segment(4)));
  EXPECT_EQ(content(aside(4, 0)), later);
  EXPECT_EQ(content(aside(3, offset)), rest.substr(offset));
  EXPECT_EQ(content(segment(3)).substr(offset), std::string(rest.size() - offset, '\0'));

  const SetAside set_aside(spool_path);
  ASSERT_TRUE(set_aside.remove_before(SegmentNo{4}, identity.segment_size));
  EXPECT_FALSE(std::filesystem::exists(aside(3, offset)));
  EXPECT_TRUE(std::filesystem::exists(aside(4, 0)));
}

TEST_F(SpoolEndTest, ACleanEndLeavesNothingToSetAside) {
  start_empty(begin());
  write_segments(1);
  append(100);
  ASSERT_TRUE(writer->write(take()));
  wait_for_flush();
  const auto end = find_end();
  ASSERT_TRUE(end);
  resume(end->end, end->last_record);
  EXPECT_FALSE(std::filesystem::exists(spool_path + "/set_aside"));
}

// It must be a record's end that the disk has, whatever has been written since.
TEST_F(SpoolEndTest, TheMarkFollowsWhatIsOnDisk) {
  options.mark = &spool->mark();
  start_empty(begin());
  append(20'000);
  ASSERT_TRUE(writer->write(take()));
  const Lsn first = writer->proven();
  wait_for_flush();
  EXPECT_FALSE(spool->mark().content().kept_to.valid()) << "no call has come since the sync";
  append(100'000);
  const auto wal = take();
  const std::size_t to_page_end = kPageBytes - first.page_offset();
  ASSERT_TRUE(writer->write(std::span(wal).first(to_page_end + 2 * kPageBytes)));
  writer->request_flush();
  await_doorbell();
  writer.reset();  // with the flusher's thread, which writes the mark
  EXPECT_EQ(spool->mark().content().kept_to, first);
}

TEST_F(SpoolEndTest, NoMoreThanSoMuchIsSetAside) {
  start_empty(begin());
  write_segments(1);
  const SetAside set_aside(spool_path);
  for (std::uint32_t offset = 0; offset < SetAside::kFilesMax + 3; ++offset) {
    ASSERT_TRUE(set_aside.take_rest(kFirst, SegmentNo{1}, identity.segment_size, 1000 + offset));
  }
  EXPECT_FALSE(std::filesystem::exists(aside(1, 1002)));
  EXPECT_TRUE(std::filesystem::exists(aside(1, 1003)));
}

// What could not be set aside must not be cut.
TEST_F(SpoolEndTest, ADiskThatTakesNoCopyLeavesTheWalAsItIs) {
  start_empty(begin());
  write_segments(2);
  flip(2, 500'000);
  const std::string before = content(segment(2));
  const auto end = find_end();
  ASSERT_TRUE(end);
  make({TimelineHistory(kFirst), {}});
  {
    const tests::DiskHook hook(parent.path(), [](const tests::DiskCall& call) {
      return call.file.ends_with(".tmp") && call.name == "pwrite" ? EIO : 0;
    });
    EXPECT_FALSE(writer->start(end->end, end->last_record));
  }
  EXPECT_EQ(content(segment(2)), before);
}

}  // namespace
}  // namespace server::wal
