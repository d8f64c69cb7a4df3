#pragma once

// CRC-32C (Castagnoli), as it guards WAL records (src/include/port/pg_crc32c.h).

#include <cstddef>
#include <cstdint>
#include <span>

namespace server::wal {

// A CRC in the making: bytes may come in any number of pieces.
class Crc32c {
 public:
  // Uses the CPU's instruction if there is one. Does not allocate.
  Crc32c& update(std::span<const std::byte> bytes);
  std::uint32_t value() const { return ~state_; }

  // A CRC of bytes that stand behind others, which may not be known yet: it has no value of its
  // own, and is there for append().
  static Crc32c of_rest();
  // Adds `size` bytes of which only their CRC is known, which began as of_rest(). So pieces of one
  // record can be read at the same time. Costs a few hundred cycles, whatever the size.
  Crc32c& append(const Crc32c& rest, std::uint64_t size);

 private:
  std::uint32_t state_ = 0xFFFFFFFF;
};

inline std::uint32_t crc32c(std::span<const std::byte> bytes) {
  return Crc32c().update(bytes).value();
}

// The implementations, for tests and benchmarks: each takes and returns the raw (uninverted) state.
using Crc32cFunction = std::uint32_t (*)(std::uint32_t state, std::span<const std::byte> bytes);
// Slicing by eight: runs everywhere.
std::uint32_t crc32c_portable(std::uint32_t state, std::span<const std::byte> bytes);
// The CPU's instruction, or nullptr where it has none.
Crc32cFunction crc32c_hardware();

}  // namespace server::wal
