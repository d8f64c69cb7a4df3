#include "server/wal/control_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "runtime/errors.h"
#include "server/wal/crc32c.h"
#include "server/wal/format.h"
#include "tests/support/temp_dir.h"
#include "tests/wal/samples.h"

namespace server::wal {
namespace {

// A control file as a server writes it, member by member.
struct ControlFileTest : ::testing::Test {
  ControlFileTest() {
    std::filesystem::create_directory(data.file("global"));
    identity.page_magic = *page_magic(15);
    put(0, identity.system_identifier);
    put(8, std::uint32_t{1300});
    put(56, std::uint8_t{1});                   // full_page_writes
    put(172, std::int32_t{1});                  // wal_level
    put(180, std::int32_t{123});                // max_connections
    put(184, std::int32_t{9});                  // max_worker_processes
    put(188, std::int32_t{10});                 // max_wal_senders
    put(192, std::int32_t{4});                  // max_prepared_transactions
    put(196, std::int32_t{65});                 // max_locks_per_transaction
    put(200, std::uint8_t{1});                  // track_commit_timestamp
    put(216, std::uint32_t{8192});              // block_size
    put(220, std::uint32_t{131072});            // blocks of a file
    put(224, std::uint32_t{8192});              // wal_block_size
    put(228, identity.segment_size.bytes());    // wal_segment_size
    put(236, std::uint32_t{32});                // max_index_keys
    put(252, std::uint32_t{1});                 // data_checksums
    std::memset(bytes.data() + 256, 0xAB, 32);  // the nonce
  }

  template <typename T>
  void put(std::size_t offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
  }
  void write(std::size_t checksum = 288, std::size_t size = 8192) {
    put(checksum, crc32c(std::span(bytes).first(checksum)));
    write_bytes(size);
  }
  void write_bytes(std::size_t size = 8192) const {
    std::ofstream(data.file("global/pg_control"), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(size));
  }
  runtime::Result<ClusterFacts> facts() const { return read_control_file(data.path(), identity); }
  // Why there are no facts.
  std::string refusal() const {
    const auto read = facts();
    if (read) return "";
    EXPECT_EQ(read.error().kind, &runtime::kDataCorrupted);
    const std::string& what = read.error().what;
    return what.substr(what.rfind(": ") + 2);
  }

  const tests::TempDir data;
  Identity identity = tests::identity_of(16);
  std::vector<std::byte> bytes{8192};
};

TEST_F(ControlFileTest, ItSaysWhatTheClusterDecides) {
  write();
  const auto read = facts();
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(*read, (ClusterFacts{{"block_size", "8192"},
                                 {"data_checksums", "on"},
                                 {"data_directory_mode", "0700"},
                                 {"full_page_writes", "on"},
                                 {"max_connections", "123"},
                                 {"max_index_keys", "32"},
                                 {"max_locks_per_transaction", "65"},
                                 {"max_prepared_transactions", "4"},
                                 {"max_worker_processes", "9"},
                                 {"segment_size", "1GB"},
                                 {"track_commit_timestamp", "on"},
                                 {"wal_level", "replica"},
                                 {"wal_log_hints", "off"}}));
  for (const auto& [name, value] : *read) EXPECT_TRUE(is_cluster_fact(name)) << name;
}

TEST_F(ControlFileTest, EachFactHasItsOwnPlace) {
  put(56, std::uint8_t{0});
  put(172, std::int32_t{2});
  put(176, std::uint8_t{1});
  put(200, std::uint8_t{0});
  put(220, std::uint32_t{3});
  put(252, std::uint32_t{0});
  write();
  ASSERT_EQ(::chmod(data.path().c_str(), 0750), 0);
  const auto read = *facts();
  EXPECT_EQ(read.at("full_page_writes"), "off");
  EXPECT_EQ(read.at("wal_level"), "logical");
  EXPECT_EQ(read.at("wal_log_hints"), "on");
  EXPECT_EQ(read.at("track_commit_timestamp"), "off");
  EXPECT_EQ(read.at("segment_size"), "24kB");
  EXPECT_EQ(read.at("data_checksums"), "off");
  EXPECT_EQ(read.at("data_directory_mode"), "0750");
}

// Version 18 has one member more, and its checksum behind it.
TEST_F(ControlFileTest, EachVersionIsReadInItsOwnFormat) {
  struct Version {
    int major;
    std::uint32_t control;
    std::size_t checksum;
  };
  for (const Version& version : {Version{13, 1300, 288},
                                 {14, 1300, 288},
                                 {15, 1300, 288},
                                 {16, 1300, 288},
                                 {17, 1700, 288},
                                 {18, 1800, 292}}) {
    identity.page_magic = *page_magic(version.major);
    put(8, version.control);
    write(version.checksum);
    EXPECT_EQ(refusal(), "") << version.major;
    write(version.checksum == 288 ? 292 : 288);
    put(version.checksum, std::uint32_t{0});
    write_bytes();
    EXPECT_EQ(refusal(), "its checksum is wrong") << version.major;
  }
  write(292);
  identity.page_magic = *page_magic(17);
  EXPECT_EQ(refusal(), "its version 1800 is not that of the WAL");
}

TEST_F(ControlFileTest, AFileThatIsDamagedAnywhereTellsNothing) {
  write();
  for (std::size_t at = 0; at < 292; ++at) {
    bytes[at] ^= std::byte{0x10};
    write_bytes();
    EXPECT_NE(refusal(), "") << "byte " << at;
    bytes[at] ^= std::byte{0x10};
  }
  write_bytes();
  EXPECT_EQ(refusal(), "");
}

TEST_F(ControlFileTest, AFileThatIsCutOffTellsNothing) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{288}}) {
    write(288, size);
    EXPECT_EQ(refusal(), "it has only " + std::to_string(size) + " bytes");
  }
}

TEST_F(ControlFileTest, AnUnknownVersionTellsNothing) {
  put(8, std::uint32_t{1900});
  write();
  EXPECT_EQ(refusal(), "its version 1900 is not known");
}

TEST_F(ControlFileTest, AnotherClustersFileTellsNothing) {
  put(0, identity.system_identifier + 1);
  write();
  EXPECT_EQ(refusal(), "it is of system " + std::to_string(identity.system_identifier + 1) +
                           ", and the WAL is of system " +
                           std::to_string(identity.system_identifier));
  put(0, identity.system_identifier);
  put(228, std::uint32_t{1 << 20});
  write();
  EXPECT_EQ(refusal(),
            "its WAL segments are of 1048576 bytes, and those of the WAL are of "
            "16777216");
}

TEST_F(ControlFileTest, ALevelThatNoVersionHasIsLeftOut) {
  put(172, std::int32_t{-1});
  write();
  EXPECT_FALSE(facts()->contains("wal_level"));
}

TEST_F(ControlFileTest, WithoutAFileThereIsNoSuchFile) {
  EXPECT_EQ(facts().error().kind, &runtime::kFileMissing);
}

}  // namespace
}  // namespace server::wal
