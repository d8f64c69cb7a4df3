#pragma once

namespace runtime {

// Whether the server times WAL on its way, and has probes. CMake's WALCAST_TIMED=OFF builds a
// server that does not: what it is compared with to see what timing costs.
#ifdef WALCAST_UNTIMED
inline constexpr bool kTimed = false;
#else
inline constexpr bool kTimed = true;
#endif

}  // namespace runtime
