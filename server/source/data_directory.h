#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "runtime/clock.h"
#include "server/source/doubts.h"
#include "server/wal/cluster_facts.h"
#include "server/wal/identity.h"

namespace server::source {

// The data directory of PostgreSQL's that a directory of WAL lies in, if it lies in one. Its files
// tell whether a server runs there, and what the cluster has decided.
//   Owner: DirectorySource.  Thread: the owner's. Every look blocks, on two small files at most.
class DataDirectory {
 public:
  explicit DataDirectory(std::string wal_directory) : wal_directory_(std::move(wal_directory)) {}

  // The file that tells of a server's process; none if there is no such process, or if the file has
  // not changed since the last look.
  std::optional<std::string> find_server();

  // Reads the control file. Returns whether facts() have changed. A file that is no control file of
  // this WAL's cluster is a warning, and changes nothing.
  bool look_at_facts(const wal::Identity& identity, runtime::Instant now);
  const wal::ClusterFacts& facts() const { return facts_; }

 private:
  const std::string wal_directory_;
  // When the file was changed that the last look has read.
  std::filesystem::file_time_type pid_file_changed_{};
  wal::ClusterFacts facts_;
  Doubts doubts_;
};

}  // namespace server::source
