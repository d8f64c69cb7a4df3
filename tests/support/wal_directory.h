#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "server/wal/builder.h"
#include "server/wal/lsn.h"
#include "tests/support/temp_dir.h"

namespace tests {

// A directory of segment files for one test, of one timeline and segment size; any failure to read
// or write it is fatal.
class WalDirectory {
 public:
  WalDirectory(server::wal::TimelineId timeline, server::wal::SegmentSize segment_size)
      : timeline_(timeline), segment_size_(segment_size) {}

  // Puts the builder's bytes where they belong, in files of full size that are zero elsewhere. The
  // builder may be cleared and go on, and what it makes then be written too.
  void write(const server::wal::WalBuilder& builder) { write(builder.begin(), builder.bytes()); }
  void write(server::wal::Lsn lsn, std::span<const std::byte> bytes);

  // The WAL in [begin, end), which may span segments.
  std::vector<std::byte> read(server::wal::Lsn begin, server::wal::Lsn end) const;
  // Inverts the byte at `lsn`; twice is as if never.
  void flip(server::wal::Lsn lsn);
  // Cuts the segment of `lsn` off at its offset.
  void truncate(server::wal::Lsn lsn);
  void remove(server::wal::SegmentNo no);
  // Puts a copy in the segment's place: the same bytes in another file.
  void replace(server::wal::SegmentNo no);

  const std::string& path() const { return dir_.path(); }
  std::string segment_path(server::wal::SegmentNo no) const;

 private:
  TempDir dir_;
  server::wal::TimelineId timeline_;
  server::wal::SegmentSize segment_size_;
};

}  // namespace tests
