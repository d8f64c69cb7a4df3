#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "server/wal/lsn.h"

namespace server::verify {

// Lines of 16 bytes each: the position, the bytes in hex, and as ASCII with a dot for what cannot
// be printed. The line that `marked` lies in begins with '>'. REQUIRES: begin is a multiple of 16.
std::string hex_dump(std::span<const std::byte> bytes, wal::Lsn begin, wal::Lsn marked);

}  // namespace server::verify
