#include "server/wire/replication.h"

#include "runtime/format.h"
#include "server/wire/codec.h"

namespace server::wire {

XLogDataHeader encode_xlog_data_header(std::uint64_t start, std::uint64_t wal_end,
                                       PgTimestamp send_time, std::uint32_t wal_bytes) {
  XLogDataHeader header;
  header[0] = std::byte{'d'};
  store_big_endian<std::uint32_t>(&header[1], kXLogDataHeaderBytes - 1 + wal_bytes);
  header[5] = std::byte{'w'};
  store_big_endian(&header[6], start);
  store_big_endian(&header[14], wal_end);
  store_big_endian(&header[22], static_cast<std::uint64_t>(send_time));
  return header;
}

KeepaliveMessage encode_keepalive(std::uint64_t wal_end, PgTimestamp send_time,
                                  bool reply_requested) {
  KeepaliveMessage message;
  message[0] = std::byte{'d'};
  store_big_endian<std::uint32_t>(&message[1], kKeepaliveBytes - 1);
  message[5] = std::byte{'k'};
  store_big_endian(&message[6], wal_end);
  store_big_endian(&message[14], static_cast<std::uint64_t>(send_time));
  message[22] = std::byte{reply_requested};
  return message;
}

runtime::Result<PrimaryMessage> parse_primary_message(std::span<const std::byte> body) {
  ByteReader reader(body);
  const char type = static_cast<char>(TRY(reader.byte()));
  if (type == 'w') {
    XLogData data{};
    data.start = TRY(reader.integer<std::uint64_t>());
    data.wal_end = TRY(reader.integer<std::uint64_t>());
    data.send_time = static_cast<PgTimestamp>(TRY(reader.integer<std::uint64_t>()));
    data.wal = reader.rest();
    return PrimaryMessage(data);
  }
  if (type == 'k') {
    Keepalive keepalive{};
    keepalive.wal_end = TRY(reader.integer<std::uint64_t>());
    keepalive.send_time = static_cast<PgTimestamp>(TRY(reader.integer<std::uint64_t>()));
    keepalive.reply_requested = TRY(reader.byte()) != 0;
    return PrimaryMessage(keepalive);
  }
  return runtime::Error{
      .kind = &kProtocolViolation,
      .what = runtime::format("invalid replication message type {}", static_cast<int>(type))};
}

std::array<std::byte, kStandbyStatusBytes> encode_standby_status(const StandbyStatus& status) {
  std::array<std::byte, kStandbyStatusBytes> body;
  body[0] = std::byte{'r'};
  store_big_endian(&body[1], status.write);
  store_big_endian(&body[9], status.flush);
  store_big_endian(&body[17], status.apply);
  store_big_endian(&body[25], static_cast<std::uint64_t>(status.send_time));
  body[33] = std::byte{status.reply_requested};
  return body;
}

std::array<std::byte, kHotStandbyFeedbackBytes> encode_hot_standby_feedback(
    const HotStandbyFeedback& feedback) {
  std::array<std::byte, kHotStandbyFeedbackBytes> body;
  body[0] = std::byte{'h'};
  store_big_endian(&body[1], static_cast<std::uint64_t>(feedback.send_time));
  store_big_endian(&body[9], feedback.xmin);
  store_big_endian(&body[13], feedback.xmin_epoch);
  store_big_endian(&body[17], feedback.catalog_xmin);
  store_big_endian(&body[21], feedback.catalog_xmin_epoch);
  return body;
}

runtime::Result<StandbyMessage> parse_standby_message(std::span<const std::byte> body) {
  ByteReader reader(body);
  const char type = static_cast<char>(TRY(reader.byte()));
  if (type == 'r') {
    StandbyStatus status{};
    status.write = TRY(reader.integer<std::uint64_t>());
    status.flush = TRY(reader.integer<std::uint64_t>());
    status.apply = TRY(reader.integer<std::uint64_t>());
    status.send_time = static_cast<PgTimestamp>(TRY(reader.integer<std::uint64_t>()));
    status.reply_requested = TRY(reader.byte()) != 0;
    return StandbyMessage(status);
  }
  if (type == 'h') {
    HotStandbyFeedback feedback{};
    feedback.send_time = static_cast<PgTimestamp>(TRY(reader.integer<std::uint64_t>()));
    feedback.xmin = TRY(reader.integer<std::uint32_t>());
    feedback.xmin_epoch = TRY(reader.integer<std::uint32_t>());
    feedback.catalog_xmin = TRY(reader.integer<std::uint32_t>());
    feedback.catalog_xmin_epoch = TRY(reader.integer<std::uint32_t>());
    return StandbyMessage(feedback);
  }
  return StandbyMessage(UnknownStandbyMessage{type});
}

}  // namespace server::wire
