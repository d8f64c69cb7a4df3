// CRC-32C with the CPU's instruction and without, over the sizes that records have.

#include "server/wal/crc32c.h"

#include <benchmark/benchmark.h>

#include <vector>

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

void Hardware(benchmark::State& state) { run(state, server::wal::crc32c_hardware()); }
void Portable(benchmark::State& state) { run(state, server::wal::crc32c_portable); }

BENCHMARK(Hardware)->Arg(64)->Arg(256)->Arg(1024)->Arg(8168)->Arg(1 << 20);
BENCHMARK(Portable)->Arg(64)->Arg(256)->Arg(1024)->Arg(8168)->Arg(1 << 20);

}  // namespace
