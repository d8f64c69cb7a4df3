// The messages of both directions inside CopyData, through encoding and parsing.
//   input: the body of a CopyData

#include <algorithm>
#include <variant>
#include <vector>

#include "runtime/check.h"
#include "server/wire/codec.h"
#include "server/wire/replication.h"
#include "tests/fuzz/input.h"

namespace {

using server::wire::ByteReader;
using server::wire::HotStandbyFeedback;
using server::wire::StandbyMessage;
using server::wire::StandbyStatus;
using server::wire::UnknownStandbyMessage;

using Bytes = std::vector<std::byte>;

template <std::unsigned_integral T>
void put(Bytes& bytes, T value) {
  bytes.resize(bytes.size() + sizeof(T));
  server::wire::store_big_endian(bytes.data() + bytes.size() - sizeof(T), value);
}

Bytes encode(const StandbyStatus& status) {
  Bytes bytes{std::byte{'r'}};
  put(bytes, status.write);
  put(bytes, status.flush);
  put(bytes, status.apply);
  put(bytes, static_cast<std::uint64_t>(status.send_time));
  put(bytes, static_cast<std::uint8_t>(status.reply_requested));
  return bytes;
}

Bytes encode(const HotStandbyFeedback& feedback) {
  Bytes bytes{std::byte{'h'}};
  put(bytes, static_cast<std::uint64_t>(feedback.send_time));
  put(bytes, feedback.xmin);
  put(bytes, feedback.xmin_epoch);
  put(bytes, feedback.catalog_xmin);
  put(bytes, feedback.catalog_xmin_epoch);
  return bytes;
}

Bytes encode(const UnknownStandbyMessage& unknown) {
  return {static_cast<std::byte>(unknown.type)};
}

// What is whole is taken, and is what the bytes say; extra bytes do not matter.
void check_standby_message(std::span<const std::byte> body) {
  const auto message = server::wire::parse_standby_message(body);
  const char type = body.empty() ? '\0' : static_cast<char>(body.front());
  const std::size_t needed = type == 'r' ? 34 : type == 'h' ? 25 : 1;
  CHECK(message.has_value() == (body.size() >= needed));
  if (!message) return;

  Bytes bytes = std::visit([](const auto& known) { return encode(known); }, *message);
  CHECK(bytes.size() == needed);
  Bytes given(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(needed));
  if (type == 'r') given.back() = std::byte{given.back() != std::byte{0}};
  CHECK(bytes == given);
}

// The three numbers of a status serve as those of the answers.
void check_answers(tests::FuzzInput input) {
  const auto start = input.integer<std::uint64_t>();
  const auto end = input.integer<std::uint64_t>();
  const auto time = static_cast<server::wire::PgTimestamp>(input.integer<std::uint64_t>());
  const std::uint32_t wal_bytes = input.integer<std::uint32_t>() % (1 << 20);

  const auto header = server::wire::encode_xlog_data_header(start, end, time, wal_bytes);
  ByteReader data(header);
  CHECK(*data.byte() == 'd');
  CHECK(*data.integer<std::uint32_t>() == header.size() - 1 + wal_bytes);
  CHECK(*data.byte() == 'w');
  CHECK(*data.integer<std::uint64_t>() == start && *data.integer<std::uint64_t>() == end);
  CHECK(*data.integer<std::uint64_t>() == static_cast<std::uint64_t>(time) && data.expect_end());

  const bool reply_requested = wal_bytes % 2 != 0;
  const auto message = server::wire::encode_keepalive(end, time, reply_requested);
  ByteReader keepalive(message);
  CHECK(*keepalive.byte() == 'd');
  CHECK(*keepalive.integer<std::uint32_t>() == message.size() - 1);
  CHECK(*keepalive.byte() == 'k' && *keepalive.integer<std::uint64_t>() == end);
  CHECK(*keepalive.integer<std::uint64_t>() == static_cast<std::uint64_t>(time));
  CHECK((*keepalive.byte() != 0) == reply_requested && keepalive.expect_end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes body = tests::exact_copy(std::as_bytes(std::span(data, size)));
  check_standby_message(body);
  check_answers({data, size});
  return 0;
}
