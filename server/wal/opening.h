#pragma once

#include <optional>
#include <string>

#include "runtime/result.h"
#include "server/wal/directory.h"
#include "server/wal/fault.h"
#include "server/wal/format.h"
#include "server/wal/identity.h"
#include "server/wal/lsn.h"
#include "server/wal/names.h"

namespace server::wal {

// What a segment file begins with, judged by nothing but the file's own name.
struct Opening {
  std::string file;  // its name
  LongPageHeader header;
  Finding finding;  // why this is not WAL of the file's own name, if it is not

  // With the default segment size, if the header has none that may be.
  Identity identity() const;
  // Allocates.
  Fault fault() const { return describe(finding, identity(), file); }
};

// Blocks; reads the long page header and no more. The error is that of the file's reading.
runtime::Result<Opening> read_opening(const Directory& directory, const FileName& name);

// The position that a segment of this name begins at, in a cluster of this segment size.
std::optional<Lsn> start_of(const FileName& name, std::uint32_t segment_bytes);

// A segment that was meant to be WAL, but by a version whose format we do not know.
bool is_unsupported(const FileName& name, const Opening& opening);

}  // namespace server::wal
