#include "server/wal/cluster_facts.h"

#include <algorithm>

#include "runtime/durable_file.h"
#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"

namespace server::wal {

using runtime::format;
using runtime::Result;

namespace {

constexpr ClusterFact kClusterFacts[] = {
    {"block_size", "Shows the size of a disk block."},
    {"checkpoint_timeout", "Sets the maximum time between automatic WAL checkpoints."},
    {"data_checksums", "Shows whether data checksums are turned on for this cluster."},
    {"data_directory_mode", "Shows the mode of the data directory."},
    {"default_transaction_read_only", "Sets the default read-only status of new transactions."},
    {"full_page_writes", "Writes full pages to WAL when first modified after a checkpoint."},
    {"in_hot_standby", "Shows whether hot standby is currently active."},
    {"max_connections", "Sets the maximum number of concurrent connections."},
    {"max_index_keys", "Shows the maximum number of index keys."},
    {"max_locks_per_transaction", "Sets the maximum number of locks per transaction."},
    {"max_prepared_transactions",
     "Sets the maximum number of simultaneously prepared transactions."},
    {"max_wal_size", "Sets the WAL size that triggers a checkpoint."},
    {"max_worker_processes", "Maximum number of concurrent worker processes."},
    {"min_wal_size", "Sets the minimum size to shrink the WAL to."},
    {"segment_size", "Shows the number of pages per disk file."},
    {"track_commit_timestamp", "Collects transaction commit time."},
    {"wal_level", "Sets the level of information written to the WAL."},
    {"wal_log_hints", "Writes full pages to WAL when first modified, for hint bits too."},
};

// The first line of the file names the system; each line behind it is one fact, and the last one
// ends it, so that a file that was cut is seen.
constexpr std::string_view kEnd = "end\n";
constexpr std::string_view kBetween = " = ";
constexpr std::size_t kFileBytesMax = 64 * 1024;

std::string first_line(std::uint64_t system_identifier) {
  return format("what the primary of system {} says of its cluster, version 1\n",
                system_identifier);
}

runtime::Fail invalid(const std::string& path) {
  return runtime::Fail({.kind = &runtime::kDataCorrupted,
                        .what = format("file \"{}\" has no facts of this cluster", path)});
}

}  // namespace

std::span<const ClusterFact> cluster_facts() { return kClusterFacts; }

bool is_cluster_fact(std::string_view name) {
  return std::any_of(std::begin(kClusterFacts), std::end(kClusterFacts),
                     [name](const ClusterFact& fact) { return fact.name == name; });
}

Result<ClusterFacts> read_cluster_facts(const std::string& path, std::uint64_t system_identifier) {
  const auto text = runtime::read_text(path, kFileBytesMax);
  if (!text && text.error().kind == &runtime::kFileMissing) return ClusterFacts();
  if (!text) return text.error();
  const std::string first = first_line(system_identifier);
  std::string_view rest = *text;
  if (!rest.starts_with(first) || !rest.ends_with(kEnd)) return invalid(path);
  rest.remove_prefix(first.size());
  ClusterFacts facts;
  while (rest != kEnd) {
    const std::size_t line_end = rest.find('\n');
    const std::string_view line = rest.substr(0, line_end);
    const std::size_t name_end = line.find(kBetween);
    if (line_end == std::string_view::npos || name_end == std::string_view::npos) {
      return invalid(path);
    }
    const std::string_view name = line.substr(0, name_end);
    if (is_cluster_fact(name)) facts.emplace(name, line.substr(name_end + kBetween.size()));
    rest.remove_prefix(line_end + 1);
  }
  return facts;
}

Result<void> write_cluster_facts(const std::string& path, std::uint64_t system_identifier,
                                 const ClusterFacts& facts) {
  std::string text = first_line(system_identifier);
  for (const auto& [name, value] : facts) {
    if (value.find('\n') == std::string::npos) text += format("{}{}{}\n", name, kBetween, value);
  }
  text += kEnd;
  return runtime::replace_file(path, std::as_bytes(std::span(text)));
}

}  // namespace server::wal
