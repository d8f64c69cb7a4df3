#pragma once

// The one rule by which a file outlives a crash of the machine (src/common/file_utils.c,
// durable_rename; src/backend/storage/file/fd.c). Segments that begin with their parent's bytes,
// history files and the states of slots are all made and removed by it. All of it blocks.
//
//     write PATH.tmp, fsync it, rename it to PATH, fsync PATH, fsync the directory
//
// A failure before the rename leaves PATH as it was, and no PATH.tmp: a file whose fsync has failed
// may have lost what it was given, so it is never renamed, and a later attempt begins with a new
// one. When an fsync behind the rename fails, PATH is the new file, whole and on disk, but a crash
// may bring back the old one, or none. (PostgreSQL panics there.) The caller then has to count on
// either of them, until a later replacement or removal of the same path has succeeded; it must not
// undo the rename, since that would need the same directory's fsync.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/fd.h"
#include "runtime/result.h"

namespace runtime {

// What a file is called until it is renamed. A crash may leave it; such a file means nothing.
inline constexpr std::string_view kTemporarySuffix = ".tmp";

// A new file, or another in the place of an old one. Whenever the machine stops, the path has the
// whole old file or the whole new one; after success it has the new one. A short write is a full
// disk, as everywhere in PostgreSQL.
Result<void> replace_file(const std::string& path, std::span<const std::byte> content);
// The same, of a file that its owner alone may read or write, whatever others may do with new
// files (process.h).
Result<void> replace_private_file(const std::string& path, std::span<const std::byte> content);
// The same as the first with the first `size` bytes of another file, which is copied piece by
// piece. kDataCorrupted: it is shorter.
Result<void> replace_file_by_copy(const std::string& path, const UniqueFd& from,
                                  const std::string& from_path, std::uint64_t size);

// A file that does not exist is no failure, so that a removal that failed may be tried again: after
// a failure the file may be there or not, also after a crash.
Result<void> remove_file(const std::string& path);

}  // namespace runtime
