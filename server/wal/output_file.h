#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/fd.h"
#include "server/wal/lsn.h"

namespace server::wal {

// A segment file that WAL is appended to, by the descriptor that it is written with.
//   Owner: SegmentOutput, and Flusher until it has synced the file: the kernel tells of a write
//   that failed behind our back to descriptors that were open then, and to one that is opened later
//   perhaps not.  Thread: any; immutable.
struct OutputFile {
  SegmentNo no{};
  std::string path;
  runtime::UniqueFd fd;
};
using OutputFileRef = std::shared_ptr<const OutputFile>;

// What a SegmentOutput has written and no sync has covered yet.
struct UnsyncedFiles {
  std::vector<OutputFileRef> files;  // oldest first
  bool has_new_name = false;         // the directory has to be synced too
};

}  // namespace server::wal
