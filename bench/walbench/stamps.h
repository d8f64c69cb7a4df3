#pragma once

// Stamps: times that a client writes into the WAL with its commits, so that a standby that finds
// one knows how long it was on its way. A stamp is a label, '@', and 16 hexadecimal digits:
// nanoseconds since the Unix epoch. bench/live/writer.cc writes them, and perf/live.py.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/socket.h"
#include "server/wal/lsn.h"

namespace bench::walbench {

using WallNanos = std::int64_t;

// As runtime::receive(), and sets `arrived_at` to when the kernel had the last byte of it. The
// standby need not have run at that time: what it waits for a processor is left out. REQUIRES:
// runtime::note_arrivals().
runtime::IoResult receive_at(int fd, std::span<std::byte> buffer, WallNanos& arrived_at);

// The stamp of a label and a time. "due@0001234567890abc".
std::string stamp(std::string_view label, WallNanos time);
// How many microseconds lie between; none if `to` is earlier.
std::uint64_t micros_between(WallNanos from, WallNanos to);

// Finds the stamps of a label in WAL that comes in pieces, those too that the header of a page or
// the end of a piece stands in.
//   Owner: Standby.  Thread: the owner's.
//   Borrows: the label.
//   Limits: holds less than a stamp between two pieces.
class StampFinder {
 public:
  // REQUIRES: the label is not empty.
  explicit StampFinder(std::string_view label);

  // Appends the times of the stamps that end in `wal`, which is the WAL at `at`. What it holds of
  // the piece before counts only if that ended where this one begins.
  void find(server::wal::Lsn at, server::wal::SegmentSize segment_size,
            std::span<const std::byte> wal, std::vector<WallNanos>& found);

 private:
  void take(std::string_view text, std::vector<WallNanos>& found);
  void search(std::string_view text, std::size_t begins_max, std::vector<WallNanos>& found) const;
  std::size_t stamp_bytes() const;

  const std::string_view label_;
  server::wal::Lsn next_;  // where what is held ends
  std::string held_;       // the end of the last piece, shorter than a stamp
};

}  // namespace bench::walbench
