#pragma once

#include <cstddef>
#include <span>

#include "server/auth/random_source.h"

namespace tests {

// 01 02 03 ...
class CountingRandom final : public server::auth::RandomSource {
 public:
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(++last_);
  }

 private:
  unsigned last_ = 0;
};

}  // namespace tests
