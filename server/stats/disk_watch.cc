#include "server/stats/disk_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/file.h"

namespace server::stats {

DiskWatch::DiskWatch(Options options, const runtime::Clock& clock)
    : options_(std::move(options)), clock_(clock), directory_(options_.directory) {
  found_.directory = options_.directory;
  found_.min_free_bytes = options_.min_free_bytes;
  found_.grows = options_.grows;
}

const SpoolStatus& DiskWatch::look() { return clock_.now() >= due_ ? look_now() : found_; }

const SpoolStatus& DiskWatch::look_now() {
  const runtime::Instant begun = clock_.now();
  count_segments();
  if (const auto free = runtime::free_bytes(options_.directory)) found_.free_bytes = *free;
  if (const auto size = runtime::file_system_bytes(options_.directory)) found_.size_bytes = *size;
  const runtime::Instant now = clock_.now();
  due_ = now + std::max(kLookInterval, 10 * (now - begun));
  return found_;
}

void DiskWatch::count_segments() {
  const auto segments = directory_.segments(options_.segment_size);
  if (!segments) return;
  found_.segments = segments->size();
  found_.bytes = segments->size() * std::uint64_t{options_.segment_size.bytes()};
  found_.oldest = {};
  found_.newest = {};
  for (const wal::Directory::SegmentFile& segment : *segments) {
    const wal::Lsn start = options_.segment_size.start(segment.no);
    if (!found_.newest.valid() || start < found_.oldest) found_.oldest = start;
    found_.newest = std::max(found_.newest, options_.segment_size.end(segment.no));
  }
}

std::optional<runtime::Duration> time_to_fill(std::uint64_t free_bytes, double bytes_per_second) {
  constexpr double kSecondsMax = 10.0 * 365 * 24 * 3600;
  if (bytes_per_second <= 0) return std::nullopt;
  const double seconds = static_cast<double>(free_bytes) / bytes_per_second;
  return std::chrono::duration_cast<runtime::Duration>(
      std::chrono::duration<double>(std::min(seconds, kSecondsMax)));
}

}  // namespace server::stats
