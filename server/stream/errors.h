#pragma once

#include "runtime/result.h"

namespace server::stream {

// A standby message of a type that nobody knows. PostgreSQL logs it and closes the connection
// without a word to the peer (COMMERROR, then proc_exit).
inline constexpr runtime::ErrorKind kUnknownStandbyMessage{"unknown_standby_message", "08P01"};

}  // namespace server::stream
