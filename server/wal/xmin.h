#pragma once

#include <cstdint>

namespace server::wal {

// The oldest transactions whose row versions are still needed: ids with their epochs in the upper
// half, as FullTransactionId has them, so that they compare as numbers; 0 is none.
struct Xmin {
  std::uint64_t data = 0;
  std::uint64_t catalog = 0;

  friend bool operator==(const Xmin&, const Xmin&) = default;
};

}  // namespace server::wal
