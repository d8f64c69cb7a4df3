#pragma once

#include "runtime/result.h"

namespace server::source {

// The connection to a primary is broken, could not be made, or is silent for too long.
inline constexpr runtime::ErrorKind kUpstreamLost{"connection_failure", "08006"};
// The server has refused a command, in its own words.
inline constexpr runtime::ErrorKind kUpstreamRefused{"connection_exception", "08000"};
// The upstream's WAL is not ours to continue with.
inline constexpr runtime::ErrorKind kDiverged{"diverged_wal", "XX000"};

}  // namespace server::source
