#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "runtime/result.h"
#include "server/stream/chunk.h"
#include "server/wal/segment.h"

namespace server::stream {

// The WAL that a loop's senders have copied last, so that a new commit is read from its file once
// per loop and not once per standby. Standbys that catch up by copies, as over TLS, and have begun
// at one place find there what the first of them has read in its turn; a standby elsewhere begins
// one of the two stretches anew, and leaves them the other.
//   Owner: WalView.  Thread: the loop's.
//   Invariant: a stretch holds the bytes of [begin, begin + size) as its file had them when they
//   were read. What one file has is never taken for what another has at the same position, as a
//   fork's segment on either timeline.
//   Limits: two stretches of kStretchBytes, which is as much as a sender copies in a turn.
class TailBuffer {
 public:
  static constexpr std::size_t kStretchBytes = 4 * kChunkBytesMax;

  struct Bytes {
    std::span<const std::byte> bytes;
    bool from_file;  // some of them were not here yet
  };

  // The bytes of [from, to); only those that are not here yet are read. Valid until the next call.
  // The error is that of a file that cannot be read or is too short.
  // REQUIRES: they lie in `segment`, and are at most kChunkBytesMax.
  runtime::Result<Bytes> read(const wal::Segment& segment, wal::Lsn from, wal::Lsn to);

  // A file may have other bytes than those that were read.
  void clear() {
    for (Stretch& stretch : stretches_) stretch.size = 0;
  }

 private:
  struct Stretch {
    bool has(const wal::Segment& segment, wal::Lsn from, wal::Lsn to) const {
      return can_have(segment, from, to) && to <= begin + size;
    }
    // Whether [from, to) begins in it or behind its end, and fits.
    bool can_have(const wal::Segment& segment, wal::Lsn from, wal::Lsn to) const {
      return size > 0 && file == segment.id() && begin <= from && from <= begin + size &&
             to - begin <= bytes.size();
    }

    std::vector<std::byte> bytes = std::vector<std::byte>(kStretchBytes);
    wal::FileId file;
    wal::Lsn begin;
    std::size_t size = 0;
  };

  Stretch& stretch_for(const wal::Segment& segment, wal::Lsn from, wal::Lsn to);

  std::array<Stretch, 2> stretches_;
  std::size_t last_used_ = 0;
};

}  // namespace server::stream
