#pragma once

// The chunks that a replication command allocates: words, nodes and lists, a reply, and one buffer.

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>

namespace bench {

inline constexpr std::array<std::size_t, 24> kMessageChunks{32, 16, 48,  24, 64, 32,  16, 112,
                                                            40, 72, 24,  16, 96, 32,  64, 24,
                                                            16, 56, 256, 32, 48, 512, 16, 4096};

// Writes to each chunk, as the command does.
template <typename Allocate>
void use_chunks(Allocate allocate) {
  for (const std::size_t size : kMessageChunks) {
    auto* const chunk = static_cast<std::byte*>(allocate(size));
    chunk[0] = std::byte{1};
    benchmark::DoNotOptimize(chunk);
  }
}

}  // namespace bench
