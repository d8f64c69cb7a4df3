#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace server::wal {

// A setting that the cluster whose WAL is served decides, and no server that only passes the WAL on
// (pg_control has most of them): tools ask for it on a replication connection.
struct ClusterFact {
  std::string_view name;
  std::string_view description;
};

// Their file, in a spool.
inline constexpr std::string_view kClusterFactsFile = "cluster_facts";

// By name.
std::span<const ClusterFact> cluster_facts();
bool is_cluster_fact(std::string_view name);

// What a primary has said, by name. What it does not know, or does not tell, is missing.
using ClusterFacts = std::map<std::string, std::string, std::less<>>;

// A file with the facts of one system, so that they are known while its primary is not there. Both
// block. A file that is not there has none. kDataCorrupted: the file is of another system, or is no
// such file.
runtime::Result<ClusterFacts> read_cluster_facts(const std::string& path,
                                                 std::uint64_t system_identifier);
runtime::Result<void> write_cluster_facts(const std::string& path, std::uint64_t system_identifier,
                                          const ClusterFacts& facts);

}  // namespace server::wal
