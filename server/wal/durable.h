#pragma once

// Files that must outlive a crash (src/common/file_utils.c, durable_rename). All of it blocks; the
// errors are in PostgreSQL's words.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/fd.h"
#include "runtime/result.h"
#include "server/wal/lsn.h"

namespace server::wal {

// All that was written to a file is on disk; with kData, but what only stat(2) would tell.
enum class SyncWhat { kAll, kData };
runtime::Result<void> sync_file(const std::string& path, SyncWhat what = SyncWhat::kAll);
// The same of one that is open. `path` is for the error only.
runtime::Result<void> sync_file(const runtime::UniqueFd& file, const std::string& path,
                                SyncWhat what);

// Every file of a directory, and their names.
runtime::Result<void> sync_files(const std::string& directory);

// What is read of a file from now on is what the disk has: if a sync has failed once, the page
// cache may have more, and a later sync does not tell (fsyncgate). REQUIRES: it was synced.
runtime::Result<void> drop_cached(const std::string& path);

// A new file, or another in the place of an old one: under its name it is whole, or not there.
runtime::Result<void> write_file(const std::string& path, std::span<const std::byte> content);

// The oldest segment, of whatever timeline; none if there is none.
runtime::Result<std::optional<SegmentNo>> oldest_segment(const std::string& directory,
                                                         SegmentSize segment_size);
// Unlinks the segments before `keep_from`, of whatever timeline. Returns which.
runtime::Result<std::vector<SegmentNo>> remove_segments(const std::string& directory,
                                                        SegmentSize segment_size,
                                                        SegmentNo keep_from);

}  // namespace server::wal
