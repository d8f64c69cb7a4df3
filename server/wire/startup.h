#pragma once

// The first, untyped packets of a connection (src/backend/tcop/backend_startup.c; before version 17
// postmaster.c, ProcessStartupPacket).

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/result.h"

namespace server::wire {

inline constexpr std::uint32_t kProtocolVersion = 0x00030000;    // what every server speaks
inline constexpr std::uint32_t kProtocolVersion32 = 0x00030002;  // from PostgreSQL 18 on
inline constexpr std::uint32_t kStartupPacketBytesMax = 10000;   // without the length word

struct EncryptionRequest {
  enum class Kind { kSsl, kGss };
  Kind kind;
};

// The key has any length that a request may have; it is a view into the packet.
struct CancelRequest {
  std::uint32_t process_id = 0;
  std::span<const std::byte> key = {};
};

// A StartupMessage. Views live as long as the packet.
struct StartupMessage {
  std::uint32_t version;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;
  std::vector<std::string_view> protocol_options;  // the names that begin with _pq_.

  // The bytes of memory that the lists take. A packet of short names makes them ten times as long
  // as it is.
  std::size_t kept_bytes() const;
};

using StartupPacket = std::variant<EncryptionRequest, CancelRequest, StartupMessage>;

// Parses what follows the length word. The flags say which of the two requests has been
// answered before: a second one of its kind is taken for a protocol version, as PostgreSQL does.
// `newest` is the newest version that this server speaks, for the text of an error.
runtime::Result<StartupPacket> parse_startup_packet(std::span<const std::byte> body,
                                                    bool ssl_answered, bool gss_answered,
                                                    std::uint32_t newest = kProtocolVersion);

// What a walsender makes of the value of `replication` (parse_bool of src/backend/utils/adt/bool.c,
// and "database").
enum class ReplicationMode { kNone, kPhysical, kDatabase };
runtime::Result<ReplicationMode> parse_replication_mode(std::string_view value);

}  // namespace server::wire
