#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "server/stats/snapshot.h"

namespace server::stats {

// The threads of this process, by their ids, as the kernel counts them. Blocks for as long as /proc
// does; what cannot be read is left out.
std::vector<ThreadStatus> list_threads();

// What /proc/PID/task/ID/stat says, where a tick is so long. None: it is no such line.
std::optional<ThreadStatus> parse_thread_stat(std::string_view line, runtime::Duration tick);

}  // namespace server::stats
