#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "runtime/result.h"
#include "server/stream/chunk.h"
#include "server/wal/segment.h"

namespace server::stream {

// The WAL that a loop's senders have copied last: one stretch of it, so that a new commit is read
// from its file once per loop and not once per standby.
//   Owner: WalView.  Thread: the loop's.
//   Invariant: it holds the bytes of [begin, begin + size) as their file had them when it was read.
//   Limits: two messages' worth of WAL.
class TailBuffer {
 public:
  TailBuffer() : bytes_(2 * kChunkBytesMax) {}

  // Whether read() would find all of [from, to) here.
  bool has(wal::Lsn from, wal::Lsn to) const {
    return size_ > 0 && begin_ <= from && to <= begin_ + size_;
  }

  // The bytes of [from, to); only those that are not here yet are read. Valid until the next call.
  // The error is that of a file that cannot be read or is too short.
  // REQUIRES: they lie in `segment`, and are at most kChunkBytesMax.
  runtime::Result<std::span<const std::byte>> read(const wal::Segment& segment, wal::Lsn from,
                                                   wal::Lsn to);

  // A file may have other bytes than those that were read.
  void clear() { size_ = 0; }

 private:
  std::vector<std::byte> bytes_;
  wal::Lsn begin_;
  std::size_t size_ = 0;
};

}  // namespace server::stream
