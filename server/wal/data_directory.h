#pragma once

#include <string>

#include "runtime/result.h"

namespace server::wal {

// An error if `directory`, which need not exist, is a data directory of PostgreSQL's or lies in
// one, by its path as given or with all links followed, or is called pg_wal. Whatever walcast
// writes or removes there, a PostgreSQL server might read or lack: without the segments that its
// crash recovery needs it does not start. Blocks.
runtime::Result<void> check_not_postgres(const std::string& directory);

}  // namespace server::wal
