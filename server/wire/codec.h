#pragma once

// Big-endian integers and NUL-terminated strings in spans of bytes.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "runtime/result.h"
#include "server/wire/errors.h"

namespace server::wire {

template <std::unsigned_integral T>
constexpr T big_endian(T value) {
  if constexpr (std::endian::native == std::endian::big || sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
}

// REQUIRES: room for sizeof(T) bytes at `to`.
template <std::unsigned_integral T>
void store_big_endian(std::byte* to, T value) {
  const T swapped = big_endian(value);
  std::memcpy(to, &swapped, sizeof(T));
}

// REQUIRES: sizeof(T) bytes at `from`.
template <std::unsigned_integral T>
T load_big_endian(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return big_endian(value);
}

// Reads the body of one message from front to back. The errors are those of pqformat.c: a message
// that is too short is the peer's fault and ends its command.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <std::unsigned_integral T>
  runtime::Result<T> integer() {
    if (rest_.size() < sizeof(T)) return too_short();
    const T value = load_big_endian<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  // pq_getmsgbyte.
  runtime::Result<std::uint8_t> byte() {
    if (rest_.empty()) {
      return runtime::Error{.kind = &kProtocolViolation, .what = "no data left in message"};
    }
    return integer<std::uint8_t>();
  }
  // pq_getmsgstring. Valid as long as the message.
  runtime::Result<std::string_view> string() {
    const auto* begin = reinterpret_cast<const char*>(rest_.data());
    const void* end = rest_.empty() ? nullptr : std::memchr(begin, 0, rest_.size());
    if (end == nullptr) {
      return runtime::Error{.kind = &kProtocolViolation, .what = "invalid string in message"};
    }
    const auto size = static_cast<std::size_t>(static_cast<const char*>(end) - begin);
    rest_ = rest_.subspan(size + 1);
    return std::string_view(begin, size);
  }
  // pq_getmsgbytes. Valid as long as the message.
  runtime::Result<std::span<const std::byte>> bytes(std::size_t size) {
    if (rest_.size() < size) return too_short();
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  // pq_getmsgend.
  runtime::Result<void> expect_end() const {
    if (rest_.empty()) return {};
    return runtime::Error{.kind = &kProtocolViolation, .what = "invalid message format"};
  }
  std::span<const std::byte> rest() const { return rest_; }

 private:
  static runtime::Error too_short() {
    return {.kind = &kProtocolViolation, .what = "insufficient data left in message"};
  }

  std::span<const std::byte> rest_;
};

}  // namespace server::wire
