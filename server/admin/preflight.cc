#include "server/admin/preflight.h"

#include <filesystem>
#include <string>
#include <utility>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "server/settings/units.h"
#include "server/wal/directory.h"

namespace server::admin {

using runtime::format;
using runtime::log::Level;

namespace {

constexpr std::uint64_t kSegmentsMin = 2;

// The room that the spool's own segments take counts as free: the older ones can go.
std::uint64_t spool_bytes(const std::string& directory, wal::SegmentSize segment_size) {
  const auto segments = wal::Directory(directory).segments(segment_size);
  return segments ? segments->size() * std::uint64_t{segment_size.bytes()} : 0;
}

runtime::Error too_small(const std::string& spool, std::string_view has, std::uint64_t bytes,
                         std::uint64_t free_bytes_min, wal::SegmentSize segment_size) {
  return {
      .kind = &runtime::kDiskFull,
      .what = format("the file system of \"{}\" has {} {}, which is less than min_free_space "
                     "({}) and two segments of {}",
                     spool, settings::show_bytes(bytes), has, settings::show_bytes(free_bytes_min),
                     settings::show_bytes(segment_size.bytes())),
      .hint = "Make room there, give the spool a larger disk, or lower min_free_space."};
}

}  // namespace

Findings look_at_wal_directory(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path path(directory);
  const bool is_data_directory = std::filesystem::exists(path / "PG_VERSION", error) &&
                                 std::filesystem::is_directory(path / "pg_wal", error);
  if (!is_data_directory) return {};
  return {{Level::kError,
           {.kind = &runtime::kWrongObjectType,
            .what = format("directory \"{}\" is a data directory, and not one of WAL", directory),
            .hint = format("Its WAL is in \"{}\".", (path / "pg_wal").string())}}};
}

Findings look_at_room(const std::string& spool, std::uint64_t free_bytes_min,
                      wal::SegmentSize segment_size) {
  const auto all = runtime::file_system_bytes(spool);
  const auto free = runtime::free_bytes(spool);
  if (!all) return {{Level::kError, all.error()}};
  if (!free) return {{Level::kError, free.error()}};
  const std::uint64_t wanted = free_bytes_min + kSegmentsMin * segment_size.bytes();
  // Some file systems, such as one of a network, do not say how large they are.
  if (*all > 0 && *all < wanted) {
    return {{Level::kError, too_small(spool, "in all", *all, free_bytes_min, segment_size)}};
  }
  const std::uint64_t usable = *free + spool_bytes(spool, segment_size);
  if (usable >= wanted) return {};
  return {{Level::kWarning, too_small(spool, "left for it", usable, free_bytes_min, segment_size)}};
}

runtime::Result<void> heed(const Findings& findings) {
  for (const Finding& finding : findings) {
    if (finding.level == Level::kError) return finding.error;
    runtime::log::report(finding.level, finding.error);
  }
  return {};
}

}  // namespace server::admin
