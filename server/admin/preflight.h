#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/log.h"
#include "runtime/result.h"
#include "server/wal/lsn.h"

namespace server::admin {

// What an operator should know before the server runs. An error keeps it from running.
struct Finding {
  runtime::log::Level level = runtime::log::Level::kWarning;  // or kError
  runtime::Error error;
};
using Findings = std::vector<Finding>;

// Mistakes that the names in a directory show: a data directory in place of its pg_wal.
Findings look_at_wal_directory(const std::string& directory);

// Whether a relay's spool lies on a file system that can hold it: min_free_space and two segments,
// the one that is written and the one before it.
Findings look_at_room(const std::string& spool, std::uint64_t free_bytes_min,
                      wal::SegmentSize segment_size);

// Logs what is no error. The first error is returned.
runtime::Result<void> heed(const Findings& findings);

}  // namespace server::admin
