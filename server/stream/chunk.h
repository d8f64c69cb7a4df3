#pragma once

#include <cstddef>
#include <cstdint>

#include "server/wal/lsn.h"
#include "server/wire/replication.h"

namespace server::stream {

// MAX_SEND_SIZE of walsender.c: the most WAL in one message.
inline constexpr std::uint32_t kChunkBytesMax = 16 * wal::kPageBytes;

// The end of the next message of a stream that stands at `begin` and may go to `limit`. Receivers
// rely on it that a record is cut only where a page ends (walsender.c, XLogSendPhysical), so a
// message that cannot reach the limit ends at a page. REQUIRES: begin < limit, and the limit is the
// end of a record or of a page.
constexpr wal::Lsn chunk_end(wal::Lsn begin, wal::Lsn limit) {
  if (limit - begin <= kChunkBytesMax) return limit;
  return (begin + kChunkBytesMax).page_start();
}

// One XLogData message on its way: how much of its header and of its WAL the socket has taken.
struct Chunk {
  wire::XLogDataHeader header;
  std::uint32_t header_sent = 0;
  wal::Lsn at;   // the first byte of WAL that the socket has not taken
  wal::Lsn end;  // at == end: no message is on its way

  bool active() const { return at < end; }
  std::uint64_t wal_left() const { return end - at; }
  // Accounts for bytes that the socket took.
  void take(std::size_t bytes) {
    const std::size_t of_header =
        bytes < header.size() - header_sent ? bytes : header.size() - header_sent;
    header_sent += static_cast<std::uint32_t>(of_header);
    at += bytes - of_header;
  }
};

}  // namespace server::stream
