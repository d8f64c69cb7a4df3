// The memory of PostgresMain's cycle, in which a message's context is reset and its command parsed,
// run and answered: in a context of memctx, beside the ways in which others would have it.

#include <benchmark/benchmark.h>
#include <jemalloc/jemalloc.h>

#include <array>
#include <cstdlib>
#include <memory_resource>
#include <vector>

#include "bench/alloc_set.h"
#include "bench/message_cycle.h"
#include "memctx/context.h"

namespace {

using bench::kMessageChunks;
using bench::use_chunks;

void set_items(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kMessageChunks.size()));
}

void cycle_in_context(benchmark::State& state) {
  memctx::Context top("Top");
  memctx::Context& message = top.create_child("Message");
  for (auto _ : state) {
    message.reset();
    use_chunks([&](std::size_t size) { return message.allocate(size); });
  }
  set_items(state);
}
BENCHMARK(cycle_in_context);

// The floor: a buffer that is never given back. It is as large as all that is needed.
void cycle_in_monotonic_buffer(benchmark::State& state) {
  alignas(16) static std::array<std::byte, 8192> buffer;
  for (auto _ : state) {
    std::pmr::monotonic_buffer_resource resource(buffer.data(), buffer.size());
    use_chunks([&](std::size_t size) { return resource.allocate(size, 16); });
  }
  set_items(state);
}
BENCHMARK(cycle_in_monotonic_buffer);

void cycle_in_alloc_set(benchmark::State& state) {
  bench::AllocSet set;
  for (auto _ : state) {
    set.reset();
    use_chunks([&](std::size_t size) { return set.allocate(size); });
  }
  set_items(state);
}
BENCHMARK(cycle_in_alloc_set);

// Every chunk is freed at the end of its message.
template <typename Allocate, typename Free>
void cycle_on_heap(benchmark::State& state, Allocate allocate, Free release) {
  std::array<void*, kMessageChunks.size()> chunks;
  for (auto _ : state) {
    std::size_t count = 0;
    use_chunks([&](std::size_t size) { return chunks[count++] = allocate(size); });
    for (void* chunk : chunks) release(chunk);
  }
  set_items(state);
}

// This program's malloc is jemalloc, as that of walcast is.
void cycle_in_jemalloc(benchmark::State& state) {
  const char* version = nullptr;
  std::size_t size = sizeof(version);
  if (::mallctl("version", &version, &size, nullptr, 0) != 0) {
    state.SkipWithError("this program is not linked with jemalloc");
    return;
  }
  cycle_on_heap(
      state, [](std::size_t bytes) { return std::malloc(bytes); },
      [](void* chunk) { std::free(chunk); });
}
BENCHMARK(cycle_in_jemalloc);

// And glibc's is still there under its other name.
extern "C" {
void* __libc_malloc(std::size_t size);
void __libc_free(void* memory);
}

void cycle_in_glibc_malloc(benchmark::State& state) {
  cycle_on_heap(
      state, [](std::size_t bytes) { return __libc_malloc(bytes); },
      [](void* chunk) { __libc_free(chunk); });
}
BENCHMARK(cycle_in_glibc_malloc);

}  // namespace
