#pragma once

#include <vector>

#include "runtime/log.h"
#include "runtime/result.h"
#include "server/config.h"
#include "server/wal/lsn.h"

namespace server {

// What an operator should know before the server runs. An error keeps it from running.
struct Finding {
  runtime::log::Level level = runtime::log::Level::kWarning;  // or kError
  runtime::Error error;
};
using Findings = std::vector<Finding>;

// Mistakes that the names of directories show: a data directory in place of its pg_wal.
Findings look_at_directories(const ServeConfig& config);

// Whether a relay's spool lies on a file system that can hold it: min_free_space and two segments,
// the one that is written and the one before it.
Findings look_at_room(const ServeConfig& config, wal::SegmentSize segment_size);

// Logs what is no error. The first error is returned.
runtime::Result<void> heed(const Findings& findings);

}  // namespace server
