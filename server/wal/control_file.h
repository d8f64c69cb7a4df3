#pragma once

#include <cstddef>
#include <string>

#include "runtime/result.h"
#include "server/wal/cluster_facts.h"
#include "server/wal/identity.h"

namespace server::wal {

// No ControlFileData of PostgreSQL's is longer: that much is written to a disk as a whole
// (pg_control.h, PG_CONTROL_MAX_SAFE_SIZE).
inline constexpr std::size_t kControlBytesMax = 512;

// In a data directory.
std::string control_file_path(const std::string& data_directory);

// What the data directory of a server of PostgreSQL 13 to 18 tells of its cluster: the control file
// says with which settings the server, or a standby's primary, last ran. A running server writes
// the file in place, so that a read may meet half of a write: then a later one finds it right.
// kFileMissing: there is none. kDataCorrupted: it is damaged, of a version that the WAL is not of,
// or of another system than the WAL. Blocks.
runtime::Result<ClusterFacts> read_control_file(const std::string& data_directory,
                                                const Identity& identity);

}  // namespace server::wal
