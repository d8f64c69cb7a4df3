#pragma once

// Files and directories, with errors in PostgreSQL's words ("could not open file \"...\": ...").
// All of it blocks. A call that a signal interrupts is made again in here, so no caller meets
// EINTR.
//
// All that walcast does to files on a disk it does by the calls that file.cc and durable_file.cc
// make, and stat(2) in server/wal/segment.cc: tests put a disk that fails, or that loses power,
// below exactly these (tests/support/disk_calls.h).

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/fd.h"
#include "runtime/result.h"

namespace runtime {

Result<UniqueFd> open_for_reading(const std::string& path);

// A file to write into, which may be read too. kNew: the file must not exist yet. kEmpty: a file
// that exists loses its content. A file that is made is its owner's alone (PG_FILE_MODE_OWNER).
enum class OpenMode { kExisting, kNew, kEmpty };
Result<UniqueFd> open_for_writing(const std::string& path, OpenMode mode);

// In what follows, `path` is the path of the open file, for the error alone.

// Fills `buffer` from `offset` on, and returns how many bytes the file had: fewer at its end.
Result<std::size_t> read_at(const UniqueFd& file, const std::string& path, std::uint64_t offset,
                            std::span<std::byte> buffer);
// Writes a first part of `content`, of one byte at least, and returns its size: the disk may be
// full behind it. REQUIRES: content is not empty.
Result<std::size_t> write_some_at(const UniqueFd& file, const std::string& path,
                                  std::uint64_t offset, std::span<const std::byte> content);
Result<void> truncate_file(const UniqueFd& file, const std::string& path, std::uint64_t size);
// Makes the file `size` bytes long and takes the room for them from the file system, so that a full
// disk is met here; where the file system cannot do that, the file is merely long.
Result<void> allocate_file(const UniqueFd& file, const std::string& path, std::uint64_t size);

// Brings all that was written to a file to the disk; with kData, all but what only stat(2) tells.
// A file whose sync has failed may have lost what it was given, and a later sync does not tell.
enum class SyncWhat { kAll, kData };
Result<void> sync_file(const UniqueFd& file, const std::string& path, SyncWhat what);
// The same by its name, of a file or of a directory. A directory that was synced has the names of
// its files on disk.
Result<void> sync_path(const std::string& path);

// Has reads of the file go to the disk from now on: after a sync that failed, the page cache may
// have more than the disk. REQUIRES: the file was synced.
Result<void> drop_cached(const std::string& path);

// The whole of a small file. It is an error if the file is larger than `bytes_max`.
Result<std::string> read_text(const std::string& path, std::size_t bytes_max);

// These two are not durable: durable_file.h has those that are. A file that is missing counts as
// unlinked.
Result<void> rename_file(const std::string& from, const std::string& to);
Result<void> unlink_file(const std::string& path);

// Makes a directory that is missing, for its owner alone (PG_DIR_MODE_OWNER), and durably. The
// directory above it must be there: if that is missing too, a disk may not be mounted, and what is
// made in its place would hide what is on it.
Result<void> create_private_directory(const std::string& path);
// Brings the name of a directory to the disk.
Result<void> sync_parent(const std::string& path);

// The names in a directory, in no order.
Result<std::vector<std::string>> list_directory(const std::string& path);

// Takes a directory for this process alone, for as long as the descriptor is open; a crash ends
// that too. It is an error if another process has it. What is locked is a file in it that no other
// user may open: a user that can open what is locked can lock it, and keep a server from starting.
inline constexpr std::string_view kLockFileName = "walcast.lock";
Result<UniqueFd> lock_directory(const std::string& path);
// Whether a process has taken it. Makes no file.
Result<bool> is_locked(const std::string& path);

// The bytes that this process may still take of the file system of a directory.
Result<std::uint64_t> free_bytes(const std::string& directory);
// The bytes that the file system of a directory has in all.
Result<std::uint64_t> file_system_bytes(const std::string& directory);

// The file system has no room left, or the quota of this user has none.
bool is_full_disk(const Error& error);
// The process or the system had no descriptor or no memory left for a call, which has done nothing
// then, unless it was a sync.
bool is_out_of_resources(const Error& error);

}  // namespace runtime
