#pragma once

#include <string>
#include <utility>

#include "runtime/result.h"

namespace server::source {

// The connection to a primary is broken, could not be made, or is silent for too long.
inline constexpr runtime::ErrorKind kUpstreamLost{"connection_failure", "08006"};
// The server has refused a command, in its own words.
inline constexpr runtime::ErrorKind kUpstreamRefused{"connection_exception", "08000"};
// The server has refused a value that a command was given: it is not of the encoding or the type.
inline constexpr runtime::ErrorKind kUpstreamValueRefused{"data_exception", "22000"};
// The server has failed at what a command met in the rows of its value.
inline constexpr runtime::ErrorKind kUpstreamRowRefused{"data_exception", "22000"};
// The server has no slot of the name that is to be used.
inline constexpr runtime::ErrorKind kNoSlot{"undefined_object", "42704"};
// The upstream's WAL is not ours to continue with.
inline constexpr runtime::ErrorKind kDiverged{"diverged_wal", "XX000"};

// What a missing slot is called by the server, with what to do.
inline runtime::Fail no_slot(std::string what) {
  return runtime::Fail(
      {.kind = &kNoSlot,
       .what = std::move(what),
       .hint = "Create it on the primary, or let walcast do so with --create-primary-slot."});
}

}  // namespace server::source
