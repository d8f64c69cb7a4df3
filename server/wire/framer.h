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
// No replication command needs more than a few hundred bytes. Longer text is SQL that was meant for
// another server, and is to be answered as PostgreSQL answers it, but it is kept until it is whole
// and then read in one go by a loop that has other sessions to serve. So a session keeps no more of
// a query than it may queue of answers.
inline constexpr std::uint32_t kQueryBytesMax = 256 * 1024;

// What a frontend may send depends on what it is in.
enum class During { kCommands, kStream };

// Cuts the first message off `bytes`. The type is judged before the length is read, as
// SocketBackend of postgres.c does, and ProcessRepliesIfAny of walsender.c.
CutResult cut_message(std::span<const std::byte> bytes, During during);
// The same while a client authenticates, when it sends nothing but messages of type 'p'
// (auth.c, recv_password_packet; auth-sasl.c). The length word counts itself.
CutResult cut_password_message(std::span<const std::byte> bytes, std::uint32_t length_max);
// The same for the untyped packet that starts a connection.
CutResult cut_startup_packet(std::span<const std::byte> bytes);

}  // namespace server::wire
