#include <cstring>

#include "server/wal/control_file.h"
#include "server/wal/crc32c.h"
#include "tests/source/directory_rig.h"

// What a data directory tells of the cluster whose pg_wal is followed.

namespace tests {

namespace {

struct DirectoryFactsTest : DirectoryTest {
  DirectoryFactsTest() {
    std::filesystem::create_directories(data + "/global");
    std::ofstream(data + "/PG_VERSION") << "15\n";
    std::filesystem::create_directory_symlink(directory.path(), data + "/pg_wal");
  }

  // Puts another file in the place of the control file.
  void write_control_file(std::int32_t max_connections, std::uint64_t system, int damage = 0) {
    std::vector<std::byte> bytes(8192);
    const auto put = [&](std::size_t offset, auto value) {
      std::memcpy(bytes.data() + offset, &value, sizeof(value));
    };
    put(0, system);
    put(8, std::uint32_t{1300});
    put(180, max_connections);
    put(216, std::uint32_t{8192});
    put(220, std::uint32_t{131072});
    put(228, identity.segment_size.bytes());
    put(288, server::wal::crc32c(std::span(bytes).first(288)) + static_cast<unsigned>(damage));
    const std::string path = server::wal::control_file_path(data);
    std::ofstream(path + ".new", std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), 8192);
    std::filesystem::rename(path + ".new", path);
  }
  void start_in_data_directory() {
    source.emplace(data + "/pg_wal", clock);
    ASSERT_TRUE(source->open());
    first = source->facts();
    faults.emplace(source->identity());
    ASSERT_TRUE(source->start(follower.tail, *faults, follower));
  }
  std::string max_connections(const server::wal::ClusterFacts& facts) const {
    const auto found = facts.find("max_connections");
    return found == facts.end() ? "" : found->second;
  }

  const TempDir temp;
  const std::string data = temp.file("data");
  server::wal::ClusterFacts first;
};

TEST_F(DirectoryFactsTest, AreThereFromTheStartAndFollowTheServer) {
  write_control_file(100, identity.system_identifier);
  start_in_data_directory();
  EXPECT_EQ(max_connections(first), "100");
  EXPECT_EQ(first.at("block_size"), "8192");
  write_control_file(200, identity.system_identifier);
  EXPECT_TRUE(
      follower.wait_for_facts([&](const auto& facts) { return max_connections(facts) == "200"; }));
}

TEST_F(DirectoryFactsTest, AFileThatIsWrongIsAWarningAndTheFactsAreUnknown) {
  const std::string log = logged([&] {
    write_control_file(100, identity.system_identifier, /*damage=*/1);
    start_in_data_directory();
    EXPECT_TRUE(first.empty());
    EXPECT_FALSE(follower.wait_for_facts([](const auto&) { return true; }, 2500));
    write_control_file(100, identity.system_identifier);
    EXPECT_TRUE(follower.wait_for_facts([](const auto&) { return true; }));
    source->stop();
  });
  EXPECT_EQ(count_of(log, "WARNING:  file \"" + data +
                              "/global/pg_control\" tells nothing of the "
                              "cluster: its checksum is wrong"),
            1u)
      << log;
}

// A server writes it in place, so a look may meet half of it.
TEST_F(DirectoryFactsTest, AFileThatIsWrongForAMomentIsNoWarning) {
  const std::string log = logged([&] {
    write_control_file(100, identity.system_identifier, /*damage=*/1);
    start_in_data_directory();
    write_control_file(100, identity.system_identifier);
    EXPECT_TRUE(follower.wait_for_facts([](const auto&) { return true; }));
    source->stop();
  });
  EXPECT_EQ(count_of(log, "WARNING:  file"), 0u) << log;
}

TEST_F(DirectoryFactsTest, AnotherClustersAreNotTaken) {
  write_control_file(100, identity.system_identifier + 1);
  start_in_data_directory();
  EXPECT_TRUE(first.empty());
}

TEST_F(DirectoryFactsTest, AnArchiveHasNone) {
  start();
  EXPECT_FALSE(follower.wait_for_facts([](const auto&) { return true; }, 100));
}

}  // namespace

}  // namespace tests
