#include "server/wal/control_file.h"

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "server/wal/crc32c.h"
#include "server/wal/format.h"

namespace server::wal {

namespace {

using runtime::format;
using runtime::Result;

// Where the members of ControlFileData are (pg_control.h). A version that was given a new member
// has it behind those that are read here, or in what was padding.
constexpr std::size_t kSystemIdentifier = 0;
constexpr std::size_t kControlVersion = 8;
constexpr std::size_t kFullPageWrites = 56;
constexpr std::size_t kWalLevel = 172;
constexpr std::size_t kWalLogHints = 176;
constexpr std::size_t kMaxConnections = 180;
constexpr std::size_t kMaxWorkerProcesses = 184;
constexpr std::size_t kMaxPreparedTransactions = 192;
constexpr std::size_t kMaxLocksPerTransaction = 196;
constexpr std::size_t kTrackCommitTimestamp = 200;
constexpr std::size_t kBlockBytes = 216;
constexpr std::size_t kBlocksPerFile = 220;
constexpr std::size_t kSegmentBytes = 228;
constexpr std::size_t kIndexKeysMax = 236;
constexpr std::size_t kChecksumVersion = 252;

// The format of one PG_CONTROL_VERSION: the versions of PostgreSQL that write it, and where its
// checksum is, which covers all before it.
struct Format {
  std::uint32_t control_version;
  int first_major;
  int last_major;
  std::size_t checksum;
};
constexpr std::array<Format, 3> kFormats = {
    {{1300, 13, 16, 288}, {1700, 17, 17, 288}, {1800, 18, 18, 292}}};
constexpr std::size_t kReadBytes = kFormats.back().checksum + sizeof(std::uint32_t);
static_assert(kReadBytes <= kControlBytesMax);
static_assert(kChecksumVersion + sizeof(std::uint32_t) <= kFormats.front().checksum);

using Bytes = std::array<std::byte, kReadBytes>;

template <typename T = std::uint32_t>
T field(const Bytes& bytes, std::size_t offset) {
  return load_header<T>(std::span(bytes).subspan(offset));
}

std::string on_off(const Bytes& bytes, std::size_t offset) {
  return field<std::uint8_t>(bytes, offset) != 0 ? "on" : "off";
}

std::string number(const Bytes& bytes, std::size_t offset) {
  return format("{}", field<std::int32_t>(bytes, offset));
}

// In the largest unit that divides it (guc.c, convert_int_from_base_unit).
std::string file_size(std::uint64_t bytes) {
  struct Unit {
    std::string_view name;
    int shift;
  };
  for (const Unit& unit : {Unit{"TB", 40}, Unit{"GB", 30}, Unit{"MB", 20}, Unit{"kB", 10}}) {
    const std::uint64_t unit_bytes = std::uint64_t{1} << unit.shift;
    if (bytes % unit_bytes == 0) return format("{}{}", bytes / unit_bytes, unit.name);
  }
  return format("{}B", bytes);
}

// None for a number that no version gives a name.
std::optional<std::string> wal_level(const Bytes& bytes) {
  constexpr std::array<std::string_view, 3> kNames = {"minimal", "replica", "logical"};
  const auto level = field(bytes, kWalLevel);
  return level < kNames.size() ? std::optional(std::string(kNames.at(level))) : std::nullopt;
}

const Format* find_format(std::uint32_t control_version) {
  for (const Format& known : kFormats) {
    if (known.control_version == control_version) return &known;
  }
  return nullptr;
}

runtime::Error wrong(const std::string& path, const std::string& why) {
  return {.kind = &runtime::kDataCorrupted,
          .what = format("file \"{}\" tells nothing of the cluster: {}", path, why)};
}

// Whether the file is whole, and of the server whose WAL this is.
Result<void> check(const std::string& path, const Bytes& bytes, const Identity& identity) {
  const auto version = field(bytes, kControlVersion);
  const Format* const known = find_format(version);
  if (known == nullptr) return wrong(path, format("its version {} is not known", version));
  const auto checksum = crc32c(std::span(bytes).first(known->checksum));
  if (field(bytes, known->checksum) != checksum) return wrong(path, "its checksum is wrong");
  const auto system = field<std::uint64_t>(bytes, kSystemIdentifier);
  if (system != identity.system_identifier) {
    return wrong(path, format("it is of system {}, and the WAL is of system {}", system,
                              identity.system_identifier));
  }
  const auto major = major_version(identity.page_magic);
  if (!major || *major < known->first_major || *major > known->last_major) {
    return wrong(path, format("its version {} is not that of the WAL", version));
  }
  if (field(bytes, kSegmentBytes) == identity.segment_size.bytes()) return {};
  return wrong(path, format("its WAL segments are of {} bytes, and those of the WAL are of {}",
                            field(bytes, kSegmentBytes), identity.segment_size.bytes()));
}

ClusterFacts facts_of(const Bytes& bytes) {
  const std::uint64_t block_bytes = field(bytes, kBlockBytes);
  ClusterFacts facts{
      {"block_size", format("{}", block_bytes)},
      {"data_checksums", field(bytes, kChecksumVersion) != 0 ? "on" : "off"},
      {"full_page_writes", on_off(bytes, kFullPageWrites)},
      {"max_connections", number(bytes, kMaxConnections)},
      {"max_index_keys", number(bytes, kIndexKeysMax)},
      {"max_locks_per_transaction", number(bytes, kMaxLocksPerTransaction)},
      {"max_prepared_transactions", number(bytes, kMaxPreparedTransactions)},
      {"max_worker_processes", number(bytes, kMaxWorkerProcesses)},
      {"segment_size", file_size(block_bytes * field(bytes, kBlocksPerFile))},
      {"track_commit_timestamp", on_off(bytes, kTrackCommitTimestamp)},
      {"wal_log_hints", on_off(bytes, kWalLogHints)},
  };
  if (auto level = wal_level(bytes)) facts.emplace("wal_level", *std::move(level));
  return facts;
}

// What a server takes from its data directory's mode when it starts (miscinit.c, checkDataDir).
void add_mode(const std::string& data_directory, ClusterFacts& facts) {
  constexpr mode_t kGroupReads = S_IRGRP | S_IXGRP;
  struct stat status {};
  if (::stat(data_directory.c_str(), &status) != 0) return;
  const bool is_open_to_group = (status.st_mode & kGroupReads) == kGroupReads;
  facts.emplace("data_directory_mode", is_open_to_group ? "0750" : "0700");
}

}  // namespace

std::string control_file_path(const std::string& data_directory) {
  return data_directory + "/global/pg_control";
}

Result<ClusterFacts> read_control_file(const std::string& data_directory,
                                       const Identity& identity) {
  const std::string path = control_file_path(data_directory);
  const auto file = TRY(runtime::open_for_reading(path));
  Bytes bytes{};
  const std::size_t size = TRY(runtime::read_at(file, path, 0, bytes));
  if (size < bytes.size()) return wrong(path, format("it has only {} bytes", size));
  TRY(check(path, bytes, identity));
  ClusterFacts facts = facts_of(bytes);
  add_mode(data_directory, facts);
  return facts;
}

}  // namespace server::wal
