#pragma once

#include <cstdint>
#include <string>

#include "runtime/result.h"

namespace runtime {

// The user at the other end of a Unix socket, as it was when it connected (SO_PEERCRED); -1 if the
// kernel does not say.
std::int64_t peer_uid(int fd);

// The name of a user. Blocks on the user database, which may be on another host.
Result<std::string> user_name(std::int64_t uid);

}  // namespace runtime
