#pragma once

// Where a record's bytes lie: on page after page, behind the headers of these.

#include <cstdint>

#include "server/wal/lsn.h"

namespace server::wal {

// Records are as long on disk as a multiple of eight (MAXALIGN).
constexpr std::uint32_t align_record(std::uint32_t size) { return (size + 7) & ~std::uint32_t{7}; }

// What the pages of [from, to) hold of a record that fills them. REQUIRES: both are pages.
std::uint64_t room_between(Lsn from, Lsn to, SegmentSize size);

// Where a record ends that begins there and is so long.
Lsn record_end(Lsn begin, std::uint32_t length, SegmentSize size);

}  // namespace server::wal
