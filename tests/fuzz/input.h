#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tests {

// A fuzzer's input, taken apart from front to back: first a few numbers, then what is left.
//   Owner: one run of a fuzzer.  Thread: any.  Borrows: the input's bytes.
class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size)
      : rest_(std::as_bytes(std::span(data, size))) {}

  bool empty() const { return rest_.empty(); }
  std::span<const std::byte> rest() const { return rest_; }

  // The next `size` bytes, or as many as there are.
  std::span<const std::byte> take(std::size_t size) {
    const auto taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  // Little-endian. Where the input ends, zeros follow.
  template <std::unsigned_integral T>
  T integer() {
    T value = 0;
    unsigned shift = 0;
    for (const std::byte byte : take(sizeof(T))) {
      value = static_cast<T>(value | static_cast<T>(static_cast<T>(byte) << shift));
      shift += 8;
    }
    return value;
  }

  // Seven bits a byte, the lowest first; the last byte lacks the highest bit. At most 28 bits.
  std::uint32_t length() {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
      const auto byte = integer<std::uint8_t>();
      value |= static_cast<std::uint32_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) break;
    }
    return value;
  }

 private:
  std::span<const std::byte> rest_;
};

// The same bytes in a block of their own that is no larger, so that AddressSanitizer sees a read of
// one byte too many.
inline std::vector<std::byte> exact_copy(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace tests
