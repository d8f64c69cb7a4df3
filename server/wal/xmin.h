#pragma once

#include <cstdint>

namespace server::wal {

// As WAL has it, without its epoch (src/include/access/transam.h).
using TransactionId = std::uint32_t;
inline constexpr TransactionId kInvalidTransactionId = 0;
inline constexpr TransactionId kFirstNormalTransactionId = 3;

// Ids come round again: of two, half of them come after the other. REQUIRES: both are normal.
constexpr bool follows_or_equals(TransactionId a, TransactionId b) {
  return static_cast<std::int32_t>(a - b) >= 0;
}

// The oldest transactions whose row versions are still needed: ids with their epochs in the upper
// half, as FullTransactionId has them, so that they compare as numbers; 0 is none.
struct Xmin {
  std::uint64_t data = 0;
  std::uint64_t catalog = 0;

  friend bool operator==(const Xmin&, const Xmin&) = default;
};

}  // namespace server::wal
