#include "bench/walbench/frontend.h"

#include <string>

#include "bench/walbench/failures.h"
#include "runtime/format.h"
#include "server/wire/codec.h"
#include "server/wire/startup.h"

namespace bench::walbench {

using server::wire::ByteReader;
using server::wire::store_big_endian;

namespace {

void append(Bytes& bytes, std::uint32_t value) {
  bytes.resize(bytes.size() + sizeof(value));
  store_big_endian(&bytes[bytes.size() - sizeof(value)], value);
}

void append(Bytes& bytes, std::string_view text) {
  const auto raw = std::as_bytes(std::span(text));
  bytes.insert(bytes.end(), raw.begin(), raw.end());
  bytes.push_back(std::byte{0});
}

std::string_view take(ByteReader& reader, std::size_t size) {
  const auto value = reader.rest().first(size);
  reader = ByteReader(reader.rest().subspan(size));
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

struct ErrorFields {
  std::string_view code = "?";
  std::string_view message = "?";
  std::string_view detail;
};

runtime::Result<ErrorFields> parse_fields(std::span<const std::byte> body) {
  ByteReader reader(body);
  ErrorFields fields;
  while (const char name = static_cast<char>(TRY(reader.byte()))) {
    const std::string_view value = TRY(reader.string());
    if (name == 'C') fields.code = value;
    if (name == 'M') fields.message = value;
    if (name == 'D') fields.detail = value;
  }
  return fields;
}

}  // namespace

Bytes startup_message(
    std::initializer_list<std::pair<std::string_view, std::string_view>> parameters) {
  Bytes bytes;
  append(bytes, std::uint32_t{0});
  append(bytes, server::wire::kProtocolVersion);
  for (const auto& [name, value] : parameters) {
    append(bytes, name);
    append(bytes, value);
  }
  bytes.push_back(std::byte{0});
  store_big_endian(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
  return bytes;
}

Bytes query(std::string_view text) {
  Bytes bytes{std::byte{'Q'}};
  append(bytes, static_cast<std::uint32_t>(sizeof(std::uint32_t) + text.size() + 1));
  append(bytes, text);
  return bytes;
}

std::array<std::byte, kStatusUpdateBytes> status_update(server::wal::Lsn received,
                                                        server::wire::PgTimestamp now,
                                                        bool reply_requested) {
  std::array<std::byte, kStatusUpdateBytes> message;
  message[0] = std::byte{'d'};
  store_big_endian<std::uint32_t>(&message[1], kStatusUpdateBytes - 1);
  message[5] = std::byte{'r'};
  store_big_endian(&message[6], received.value());
  store_big_endian(&message[14], received.value());
  store_big_endian(&message[22], received.value());
  store_big_endian(&message[30], static_cast<std::uint64_t>(now));
  message[38] = std::byte{reply_requested};
  return message;
}

Bytes hot_standby_feedback(std::uint64_t xmin, server::wire::PgTimestamp now) {
  const auto body = server::wire::encode_hot_standby_feedback(
      {.send_time = now,
       .xmin = static_cast<std::uint32_t>(xmin),
       .xmin_epoch = static_cast<std::uint32_t>(xmin >> 32),
       .catalog_xmin = 0,
       .catalog_xmin_epoch = 0});
  Bytes message{std::byte{'d'}};
  append(message, static_cast<std::uint32_t>(sizeof(std::uint32_t) + body.size()));
  message.insert(message.end(), body.begin(), body.end());
  return message;
}

std::optional<Keepalive> parse_keepalive(std::span<const std::byte> body) {
  if (body.size() != server::wire::kKeepaliveBytes - 5 || body[0] != std::byte{'k'}) {
    return std::nullopt;
  }
  return Keepalive{.reply_requested = body.back() != std::byte{0}};
}

runtime::Error parse_server_error(std::span<const std::byte> body) {
  const auto fields = parse_fields(body);
  if (!fields) return {.kind = &kServerProtocol, .what = "malformed error from the server"};
  return {.kind = &kServerError,
          .what = runtime::format("server error {}: {}", fields->code, fields->message),
          .detail = std::string(fields->detail)};
}

runtime::Result<Row> parse_row(std::span<const std::byte> body) {
  constexpr std::uint32_t kNull = 0xFFFFFFFF;
  ByteReader reader(body);
  Row row;
  for (auto left = TRY(reader.integer<std::uint16_t>()); left > 0; --left) {
    const auto size = TRY(reader.integer<std::uint32_t>());
    if (size == kNull) {
      row.emplace_back();
      continue;
    }
    if (size > reader.rest().size()) {
      return runtime::Error{.kind = &kServerProtocol, .what = "malformed row from the server"};
    }
    row.emplace_back(take(reader, size));
  }
  return row;
}

}  // namespace bench::walbench
