#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace tests {

// The seed of a random test: a new one, or WALCAST_TEST_SEED, which repeats a run. Prints it, so
// that a run that fails can be repeated.
inline std::uint32_t random_seed() {
  const char* const given = std::getenv("WALCAST_TEST_SEED");
  const std::uint32_t seed = given != nullptr
                                 ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                                 : std::random_device()();
  std::printf("WALCAST_TEST_SEED=%u\n", seed);
  return seed;
}

}  // namespace tests
