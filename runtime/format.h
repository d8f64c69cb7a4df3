#pragma once

// Text formatting for the whole tree. g++ 12 and clang 14 lack <format>, so this is fmt.

#include <fmt/core.h>

namespace runtime {
using fmt::format;
}  // namespace runtime
