#pragma once

// What a standby says to a server, and what it reads in the answers: the client's half of
// server/wire. None of it does I/O.

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/result.h"
#include "server/wal/lsn.h"
#include "server/wire/replication.h"

namespace bench::walbench {

using Bytes = std::vector<std::byte>;

Bytes startup_message(
    std::initializer_list<std::pair<std::string_view, std::string_view>> parameters);
Bytes query(std::string_view text);

// SSLRequest, of the protocol's message formats.
inline constexpr std::array kSslRequest{std::byte{0},    std::byte{0},    std::byte{0},
                                        std::byte{8},    std::byte{0x04}, std::byte{0xd2},
                                        std::byte{0x16}, std::byte{0x2f}};
inline constexpr std::array kCopyDone{std::byte{'c'}, std::byte{0}, std::byte{0}, std::byte{0},
                                      std::byte{4}};
inline constexpr std::array kTerminate{std::byte{'X'}, std::byte{0}, std::byte{0}, std::byte{0},
                                       std::byte{4}};

// CopyData with a standby status update whose three positions are the same.
inline constexpr std::size_t kStatusUpdateBytes = 39;
std::array<std::byte, kStatusUpdateBytes> status_update(server::wal::Lsn received,
                                                        server::wire::PgTimestamp now,
                                                        bool reply_requested);

// CopyData with hot standby feedback: an xmin, with its epoch in the upper half, and no
// catalog_xmin.
Bytes hot_standby_feedback(std::uint64_t xmin, server::wire::PgTimestamp now);

// The body of a CopyData message that is a keepalive; none if it is anything else.
struct Keepalive {
  bool reply_requested;
};
std::optional<Keepalive> parse_keepalive(std::span<const std::byte> body);

// The body of an ErrorResponse, as a failure: SQLSTATE and message are the reason.
runtime::Error parse_server_error(std::span<const std::byte> body);

// The values of a DataRow, none for NULL. Valid as long as the body.
using Row = std::vector<std::optional<std::string_view>>;
runtime::Result<Row> parse_row(std::span<const std::byte> body);

}  // namespace bench::walbench
