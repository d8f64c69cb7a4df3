#pragma once

// Reading files, with errors in PostgreSQL's words. All of it blocks.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/fd.h"
#include "runtime/result.h"

namespace server::wal {

runtime::Result<runtime::UniqueFd> open_for_reading(const std::string& path);

// A segment, or its .partial if there is none: what pg_receivewal is still writing, or what a
// promotion cut off.
runtime::Result<runtime::UniqueFd> open_segment_file(const std::string& path);

// Fills `buffer` from `offset` on and returns how much there was: less at the file's end. `path` is
// for the error only.
runtime::Result<std::size_t> read_at(const runtime::UniqueFd& file, const std::string& path,
                                     std::uint64_t offset, std::span<std::byte> buffer);

// The whole of a small file. Fails if it is larger than `bytes_max`.
runtime::Result<std::string> read_text(const std::string& path, std::size_t bytes_max);

// What is left for us on the file system of a directory, in bytes.
runtime::Result<std::uint64_t> free_bytes(const std::string& directory);
// The file system has no room, or our quota has none.
bool is_full_disk(const runtime::Error& error);
// The process or the system had no descriptor or no memory left for a call, which has done nothing
// then, unless it was to sync.
bool is_out_of_resources(const runtime::Error& error);

// Takes a directory for this server alone, for as long as the descriptor is open; a crash ends that
// too. It is an error if another one has it.
runtime::Result<runtime::UniqueFd> lock_directory(const std::string& path);

// The names in a directory, in no order.
runtime::Result<std::vector<std::string>> list_directory(const std::string& path);

}  // namespace server::wal
