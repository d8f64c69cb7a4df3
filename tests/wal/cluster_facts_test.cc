#include "server/wal/cluster_facts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "runtime/errors.h"
#include "tests/support/temp_dir.h"

namespace server::wal {
namespace {

constexpr std::uint64_t kSystem = 7;

struct ClusterFactsTest : ::testing::Test {
  std::string text() const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  const runtime::ErrorKind* refusal(const std::string& text) const {
    std::ofstream(path) << text;
    const auto read = read_cluster_facts(path, kSystem);
    return read ? nullptr : read.error().kind;
  }

  const tests::TempDir directory;
  const std::string path = directory.file("facts");
  const ClusterFacts facts{{"data_checksums", "on"}, {"wal_level", "replica"}};
};

TEST_F(ClusterFactsTest, AreReadAsTheyWereWritten) {
  ASSERT_TRUE(write_cluster_facts(path, kSystem, facts));
  const auto read = read_cluster_facts(path, kSystem);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, facts);
}

TEST_F(ClusterFactsTest, WithoutAFileThereAreNone) {
  const auto read = read_cluster_facts(path, kSystem);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->empty());
}

TEST_F(ClusterFactsTest, AnotherSystemsAreRefused) {
  ASSERT_TRUE(write_cluster_facts(path, kSystem + 1, facts));
  const auto read = read_cluster_facts(path, kSystem);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, &runtime::kDataCorrupted);
}

TEST_F(ClusterFactsTest, AFileThatWasCutAnywhereIsRefused) {
  ASSERT_TRUE(write_cluster_facts(path, kSystem, facts));
  const std::string whole = text();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(refusal(whole.substr(0, size)), &runtime::kDataCorrupted) << size << " bytes";
  }
  EXPECT_EQ(refusal(whole + "x"), &runtime::kDataCorrupted);
}

TEST_F(ClusterFactsTest, WhatIsNoFactOfAClusterIsLeftOut) {
  ASSERT_TRUE(write_cluster_facts(path, kSystem, {{"port", "1"}, {"wal_level", "logical"}}));
  EXPECT_EQ(*read_cluster_facts(path, kSystem), (ClusterFacts{{"wal_level", "logical"}}));
}

TEST_F(ClusterFactsTest, TheirNamesAreSortedAndDescribed) {
  const auto all = cluster_facts();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
  for (const ClusterFact& fact : all) {
    EXPECT_FALSE(fact.description.empty()) << fact.name;
    EXPECT_TRUE(is_cluster_fact(fact.name));
  }
  EXPECT_FALSE(is_cluster_fact("port"));
}

}  // namespace
}  // namespace server::wal
