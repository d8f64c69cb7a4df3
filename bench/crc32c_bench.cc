// CRC-32C over the sizes that records have: walcast's three lanes, one lane of the CPU's
// instruction, tables, and Intel's libisal.

#include "server/wal/crc32c.h"

#include <benchmark/benchmark.h>
#include <isa-l/crc.h>

#include <cstring>
#include <vector>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace {

using server::wal::Crc32cFunction;

void run(benchmark::State& state, Crc32cFunction crc) {
  if (crc == nullptr) {
    state.SkipWithError("this CPU has no CRC-32C instruction");
    return;
  }
  const std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)), std::byte{0x5A});
  std::uint32_t value = 0;
  for (auto _ : state) benchmark::DoNotOptimize(value = crc(value, bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

#if defined(__x86_64__)
[[gnu::target("sse4.2")]] std::uint32_t one_lane(std::uint32_t state,
                                                 std::span<const std::byte> bytes) {
  std::uint64_t crc = state;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    crc = _mm_crc32_u64(crc, word);
  }
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, static_cast<std::uint8_t>(*at));
  return narrow;
}
Crc32cFunction find_one_lane() {
  return server::wal::crc32c_hardware() != nullptr ? one_lane : nullptr;
}
#else
Crc32cFunction find_one_lane() { return nullptr; }
#endif

std::uint32_t isal(std::uint32_t state, std::span<const std::byte> bytes) {
  auto* const at = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data()));
  return ::crc32_iscsi(at, static_cast<int>(bytes.size()), state);
}

void three_lanes(benchmark::State& state) { run(state, server::wal::crc32c_hardware()); }
void one_lane_of_it(benchmark::State& state) { run(state, find_one_lane()); }
void tables(benchmark::State& state) { run(state, server::wal::crc32c_portable); }
void libisal(benchmark::State& state) { run(state, isal); }

void sizes(benchmark::internal::Benchmark* bench) {
  for (const std::int64_t size : {64, 256, 400, 1024, 2000, 8168, 1 << 20}) bench->Arg(size);
}
BENCHMARK(three_lanes)->Apply(sizes);
BENCHMARK(one_lane_of_it)->Apply(sizes);
BENCHMARK(tables)->Apply(sizes);
BENCHMARK(libisal)->Apply(sizes);

// What it costs to put the parts of one record together that were read apart.
void append(benchmark::State& state) {
  const auto rest = server::wal::Crc32c::of_rest();
  const auto size = static_cast<std::uint64_t>(state.range(0));
  server::wal::Crc32c crc;
  for (auto _ : state) benchmark::DoNotOptimize(crc.append(rest, size));
}
BENCHMARK(append)->Arg(8168)->Arg(16 << 20);

}  // namespace
