#pragma once

#include <sys/random.h>

#include <cstddef>
#include <span>

#include "runtime/check.h"

namespace server::auth {

// Where nonces and salts come from; a test has one that it knows.
class RandomSource {
 public:
  virtual ~RandomSource() = default;
  // Does not block.
  virtual void fill(std::span<std::byte> bytes) = 0;
};

// The kernel's generator. REQUIRES: at most 256 bytes at once, which no signal interrupts.
class SystemRandom final : public RandomSource {
 public:
  void fill(std::span<std::byte> bytes) override {
    CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
};

}  // namespace server::auth
