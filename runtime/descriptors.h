#pragma once

#include <cstdint>
#include <limits>

#include "runtime/result.h"

namespace runtime {

// How many connections there may be at once, of whatever kind and from their first byte on.
//   Invariant: admitted_max <= open_max, so that a few clients can be refused with a message.
struct ConnectionLimits {
  // A client that comes when so many are open is refused: there are too many.
  std::int64_t admitted_max = std::numeric_limits<std::int64_t>::max();
  // When so many are open, further clients wait in the backlog.
  std::int64_t open_max = std::numeric_limits<std::int64_t>::max();
};

// Raises the process's limit of descriptors to the highest that the system allows; returns it.
std::int64_t raise_descriptor_limit();

// How many descriptors are open now.
std::int64_t count_open_descriptors();

// Shares `limit` descriptors out, of which `open` are open (fd.c, set_max_safe_fds): connections
// leave `files_max` of the others to files, or half of them where there are few. Otherwise clients
// could keep the process from opening files, and so from serving other clients. The error says that
// there are next to none.
Result<ConnectionLimits> share_out_descriptors(std::int64_t limit, std::int64_t open,
                                               std::int64_t files_max);

}  // namespace runtime
