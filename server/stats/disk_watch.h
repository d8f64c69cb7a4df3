#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/clock.h"
#include "server/stats/snapshot.h"
#include "server/wal/directory.h"
#include "server/wal/lsn.h"

namespace server::stats {

// What lies in the directory of WAL, looked at now and then.
//   Owner: ServerFacts.  Thread: the collector's; look() blocks on the disk.
//   Limits: one look in kLookInterval, or in ten times as long as the last one took, if that is
//   more: a directory with 100,000 segments is not listed all the time.
class DiskWatch {
 public:
  static constexpr runtime::Duration kLookInterval = std::chrono::seconds(1);

  struct Options {
    std::string directory;
    wal::SegmentSize segment_size;
    std::uint64_t min_free_bytes = 0;
    bool grows = false;  // walcast writes there
  };

  DiskWatch(Options options, const runtime::Clock& clock);

  // As of the last look, which may be this one. What cannot be read stays what it was.
  const SpoolStatus& look();
  // The same, and the look is made in any case.
  const SpoolStatus& look_now();

 private:
  void count_segments();

  const Options options_;
  const runtime::Clock& clock_;
  const wal::Directory directory_;
  SpoolStatus found_;
  runtime::Instant due_{};
};

// How long `free_bytes` last at this rate; none: WAL does not come. At most ten years.
std::optional<runtime::Duration> time_to_fill(std::uint64_t free_bytes, double bytes_per_second);

}  // namespace server::stats
