#pragma once

#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/result.h"
#include "server/wal/lsn.h"

namespace server::stream {

// A standby message of an unknown type. PostgreSQL logs it and closes the connection without a word
// to the peer (COMMERROR, then proc_exit).
inline constexpr runtime::ErrorKind kUnknownStandbyMessage{"unknown_standby_message", "08P01"};
inline runtime::Error unknown_standby_message(char type) {
  return {.kind = &kUnknownStandbyMessage,
          .what = runtime::format("unexpected message type \"{}\"", type)};
}

// The error for a standby that asks for WAL which no server has yet.
inline runtime::Error ahead_of_wal(wal::Lsn start, wal::Lsn end) {
  return {.kind = &runtime::kInternal,
          .what = runtime::format("requested starting point {} is ahead of the WAL flush position "
                                  "of this server {}",
                                  start, end)};
}

}  // namespace server::stream
