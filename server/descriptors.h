#pragma once

#include <cstdint>
#include <limits>

#include "runtime/result.h"

namespace server {

// How many connections there may be at once, of whatever kind and from their first byte on.
struct ConnectionLimits {
  // Who comes when there are so many is told that there are too many, and goes.
  std::int64_t admitted_max = std::numeric_limits<std::int64_t>::max();
  // When there are so many, whoever else comes waits in the backlog.
  std::int64_t open_max = std::numeric_limits<std::int64_t>::max();
};

// Takes as many descriptors as the system lets us have. Returns how many these are.
std::int64_t raise_descriptor_limit();

// How many descriptors are open now.
std::int64_t count_open_descriptors();

// What the descriptors of this process allow (fd.c, set_max_safe_fds): connections leave
// `files_max` of those that are not open yet to files, or half of them where there are few.
// Otherwise clients could keep the server from opening WAL, and so from serving others. Fails if
// there are next to none.
runtime::Result<ConnectionLimits> share_out_descriptors(std::int64_t limit, std::int64_t open,
                                                        std::int64_t files_max);

}  // namespace server
