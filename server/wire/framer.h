#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "server/wire/codec.h"

namespace server::wire {

// A whole message as it came in: its type byte (0 for a start-up packet) and its body, without the
// length word. The body is valid until the bytes it was cut from move.
struct InboundMessage {
  char type = 0;
  std::span<const std::byte> body;
};

// How far a cut has got.
enum class Cut {
  kMessage,     // a whole message, of `bytes_used`
  kIncomplete,  // more bytes are needed, `bytes_wanted` in all as far as is known
  kBadLength,   // the length word is impossible
  kBadType,     // no message of this type may be there
};

struct CutResult {
  Cut cut;
  InboundMessage message;
  std::size_t bytes_used = 0;
  std::size_t bytes_wanted = 0;
};

// The longest `length` word per message type (PQ_SMALL_MESSAGE_LIMIT of src/include/libpq/libpq.h).
// Standby messages are short, and messages of the extended protocol are refused whatever they say,
// so the large limit is far below PostgreSQL's gigabyte: no client makes the server keep more.
inline constexpr std::uint32_t kSmallMessageBytesMax = 10000;
inline constexpr std::uint32_t kLargeMessageBytesMax = 1 << 20;
// A query is kept and then lexed in one go by the loop that has all other sessions to serve, and no
// replication command needs more than a few hundred bytes. This much is the longest argument of a
// program on Linux (MAX_ARG_STRLEN), hence the longest command of `psql -c`: longer text is a
// script's, and not meant for a walsender.
inline constexpr std::uint32_t kQueryBytesMax = 128 * 1024;

// What a frontend may send depends on what it is in.
enum class During { kCommands, kStream };

// Cuts the first message off `bytes`. The type is judged before the length is read, as
// SocketBackend of postgres.c does, and ProcessRepliesIfAny of walsender.c.
CutResult cut_message(std::span<const std::byte> bytes, During during);
// The same for the untyped packet that starts a connection.
CutResult cut_startup_packet(std::span<const std::byte> bytes);

}  // namespace server::wire
