#pragma once

#include <optional>
#include <string>

#include "runtime/result.h"

namespace server::wal {

// An error if `directory`, which need not exist, is a data directory of PostgreSQL's or lies in
// one, by its path as given or with all links followed, or is called pg_wal. Whatever walcast
// writes or removes there, a PostgreSQL server might read or lack: without the segments that its
// crash recovery needs it does not start. Blocks.
runtime::Result<void> check_not_postgres(const std::string& directory);

// The data directory that a directory of WAL lies in, as pg_wal does: its parent by its path as
// given, since pg_wal may be a link, or else the parent of what the links lead to. None if neither
// is a data directory. Blocks.
std::optional<std::string> find_data_directory(const std::string& wal_directory);

// The file that a server keeps in its data directory while it runs.
std::string pid_file(const std::string& data_directory);
// Whether that file names a process of this host. A server that has crashed leaves its file behind,
// and one in another process namespace is not seen. Blocks.
bool has_running_server(const std::string& data_directory);

}  // namespace server::wal
