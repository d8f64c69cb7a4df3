#pragma once

// What travels inside CopyData while WAL is streamed (PostgreSQL documentation, "Streaming
// Replication Protocol").

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

#include "runtime/clock.h"
#include "runtime/result.h"

namespace server::wire {

// Microseconds since 2000-01-01 00:00 UTC (TimestampTz).
using PgTimestamp = std::int64_t;
constexpr PgTimestamp to_pg_timestamp(runtime::WallMicros unix_micros) {
  return unix_micros - 946'684'800'000'000;
}
constexpr runtime::WallMicros to_unix_micros(PgTimestamp timestamp) {
  return timestamp + 946'684'800'000'000;
}

// CopyData with XLogData in front of `wal_bytes` bytes of WAL: 'd', length, 'w', start, end, time.
inline constexpr std::size_t kXLogDataHeaderBytes = 30;
using XLogDataHeader = std::array<std::byte, kXLogDataHeaderBytes>;
XLogDataHeader encode_xlog_data_header(std::uint64_t start, std::uint64_t wal_end,
                                       PgTimestamp send_time, std::uint32_t wal_bytes);

// CopyDone, whole.
inline constexpr std::array kCopyDone{std::byte{'c'}, std::byte{0}, std::byte{0}, std::byte{0},
                                      std::byte{4}};

// CopyData with a primary keepalive.
inline constexpr std::size_t kKeepaliveBytes = 23;
using KeepaliveMessage = std::array<std::byte, kKeepaliveBytes>;
KeepaliveMessage encode_keepalive(std::uint64_t wal_end, PgTimestamp send_time,
                                  bool reply_requested);

// 'w': WAL that a server sends. `wal` is valid as long as the message.
struct XLogData {
  std::uint64_t start;
  std::uint64_t wal_end;  // the server's end of WAL
  PgTimestamp send_time;
  std::span<const std::byte> wal;
};

// 'k'.
struct Keepalive {
  std::uint64_t wal_end;
  PgTimestamp send_time;
  bool reply_requested;
};

using PrimaryMessage = std::variant<XLogData, Keepalive>;

// The body of one CopyData from a server (XLogWalRcvProcessMsg of walreceiver.c).
runtime::Result<PrimaryMessage> parse_primary_message(std::span<const std::byte> body);

// 'r': positions are the last byte plus one; 0 is unknown.
struct StandbyStatus {
  std::uint64_t write;
  std::uint64_t flush;
  std::uint64_t apply;
  PgTimestamp send_time;
  bool reply_requested;
};

// The body of a CopyData with it.
inline constexpr std::size_t kStandbyStatusBytes = 34;
std::array<std::byte, kStandbyStatusBytes> encode_standby_status(const StandbyStatus& status);

// 'h': transaction ids with their epochs; 0 is none.
struct HotStandbyFeedback {
  PgTimestamp send_time;
  std::uint32_t xmin;
  std::uint32_t xmin_epoch;
  std::uint32_t catalog_xmin;
  std::uint32_t catalog_xmin_epoch;
};

// The body of a CopyData with it.
inline constexpr std::size_t kHotStandbyFeedbackBytes = 25;
std::array<std::byte, kHotStandbyFeedbackBytes> encode_hot_standby_feedback(
    const HotStandbyFeedback& feedback);

struct UnknownStandbyMessage {
  char type;
};

using StandbyMessage = std::variant<StandbyStatus, HotStandbyFeedback, UnknownStandbyMessage>;

// The body of one CopyData from a standby (ProcessStandbyMessage of walsender.c). Extra bytes
// behind a known message are ignored, as there.
runtime::Result<StandbyMessage> parse_standby_message(std::span<const std::byte> body);

}  // namespace server::wire
