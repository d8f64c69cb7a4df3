#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace server::console {

// "16 MB" (dbsize.c, pg_size_pretty).
std::string size_pretty(std::int64_t bytes);
std::string size_pretty(double bytes);
// The reverse, of "16 MB" and "1.5GB" (pg_size_bytes).
runtime::Result<std::int64_t> size_bytes(std::string_view text);

}  // namespace server::console
