#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/wal/names.h"

namespace server::verify {

// What a name says that is a WAL file's and goes on as a compressed file's does: as pg_receivewal
// writes it (walmethods.c), a .partial of its too, and as archivers do, with the checksum that
// pgBackRest puts between. Nothing of it is read. None: it is no such name.
std::optional<wal::FileName> parse_compressed_name(std::string_view entry);

// What has compressed a file that has a WAL file's name and begins with these two bytes, by the
// magic numbers of their formats; empty if none has.
std::string_view compression_of(std::uint64_t first_bytes);

}  // namespace server::verify
