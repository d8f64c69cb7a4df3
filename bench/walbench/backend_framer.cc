#include "bench/walbench/backend_framer.h"

#include <algorithm>
#include <optional>

#include "runtime/check.h"
#include "server/wire/codec.h"

namespace bench::walbench {

using server::wire::kXLogDataHeaderBytes;
using server::wire::load_big_endian;

namespace {

constexpr std::size_t kTypeAndLengthBytes = 5;

bool is_xlog_data(std::span<const std::byte> bytes) {
  return bytes[0] == std::byte{'d'} && bytes[kTypeAndLengthBytes] == std::byte{'w'};
}

// How long the first item of `bytes` is, as far as they can tell: a whole message, or an XLogData
// message's header. None if no message begins like that.
std::optional<std::size_t> item_bytes(std::span<const std::byte> bytes) {
  if (bytes.size() < kTypeAndLengthBytes) return kTypeAndLengthBytes;
  const std::size_t length = load_big_endian<std::uint32_t>(&bytes[1]);
  if (length < sizeof(std::uint32_t)) return std::nullopt;
  const std::size_t whole = 1 + length;
  if (bytes[0] == std::byte{'d'} && whole > kTypeAndLengthBytes) {
    if (bytes.size() == kTypeAndLengthBytes) return kTypeAndLengthBytes + 1;
    if (is_xlog_data(bytes)) {
      if (whole < kXLogDataHeaderBytes) return std::nullopt;
      if (whole - kXLogDataHeaderBytes > BackendFramer::kWalBytesMax) return std::nullopt;
      return kXLogDataHeaderBytes;
    }
  }
  if (whole > BackendFramer::kMessageBytesMax) return std::nullopt;
  return whole;
}

WalHeader parse_header(std::span<const std::byte> bytes) {
  const std::size_t whole = 1 + std::size_t{load_big_endian<std::uint32_t>(&bytes[1])};
  return {.start = server::wal::Lsn(load_big_endian<std::uint64_t>(&bytes[6])),
          .server_end = server::wal::Lsn(load_big_endian<std::uint64_t>(&bytes[14])),
          .send_time =
              static_cast<server::wire::PgTimestamp>(load_big_endian<std::uint64_t>(&bytes[22])),
          .bytes = whole - kXLogDataHeaderBytes};
}

// Moves up to `count` bytes from the front of `from` to the end of `to`.
void move_bytes(std::span<const std::byte>& from, std::vector<std::byte>& to, std::size_t count) {
  const auto piece = from.first(std::min(count, from.size()));
  to.insert(to.end(), piece.begin(), piece.end());
  from = from.subspan(piece.size());
}

}  // namespace

BackendFramer::Item BackendFramer::next(std::span<const std::byte>& input) {
  if (held_is_used_) held_.clear();
  held_is_used_ = false;
  if (input.empty()) return Item::kNone;
  if (wal_left_ > 0) {
    wal_ = input.first(std::min<std::uint64_t>(wal_left_, input.size()));
    input = input.subspan(wal_.size());
    wal_left_ -= wal_.size();
    return Item::kWal;
  }
  while (!held_.empty() || !input.empty()) {
    const std::span<const std::byte> bytes = held_.empty() ? input : std::span(held_);
    const auto wanted = item_bytes(bytes);
    if (!wanted.has_value()) return Item::kBroken;
    if (bytes.size() >= *wanted) {
      held_is_used_ = !held_.empty();
      if (!held_is_used_) input = input.subspan(*wanted);
      return take(bytes.first(*wanted));
    }
    if (input.empty()) break;
    move_bytes(input, held_, *wanted - held_.size());
  }
  return Item::kNone;
}

void BackendFramer::skip(std::uint64_t bytes) {
  CHECK(bytes <= wal_left_);
  wal_left_ -= bytes;
}

BackendFramer::Item BackendFramer::take(std::span<const std::byte> item) {
  if (item.size() > kTypeAndLengthBytes && is_xlog_data(item)) {
    header_ = parse_header(item);
    wal_left_ = header_.bytes;
    return Item::kWalHeader;
  }
  message_ = {.type = static_cast<char>(item[0]), .body = item.subspan(kTypeAndLengthBytes)};
  return Item::kMessage;
}

}  // namespace bench::walbench
