// Memory contexts beside what they replace: an arena and malloc, a reset and one free per chunk, a
// vector in a context and one on the heap.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory_resource>
#include <vector>

#include "memctx/context.h"
#include "memctx/resource.h"

namespace {

constexpr std::int64_t kFew = 16;
constexpr std::int64_t kMany = 4096;

// A message's life: some chunks of mixed sizes, then all of them are freed.
std::size_t chunk_size(std::int64_t index) { return 16 + static_cast<std::size_t>(index % 7) * 24; }

void message_in_context(benchmark::State& state) {
  memctx::Context context("Message");
  for (auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      benchmark::DoNotOptimize(context.allocate(chunk_size(i)));
    }
    context.reset();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(message_in_context)->Arg(kFew)->Arg(kMany);

void message_in_malloc(benchmark::State& state) {
  std::vector<void*> chunks(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    std::int64_t i = 0;
    for (void*& chunk : chunks) benchmark::DoNotOptimize(chunk = std::malloc(chunk_size(i++)));
    for (void* chunk : chunks) std::free(chunk);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(message_in_malloc)->Arg(kFew)->Arg(kMany);

// Only the end of that life is timed.
void reset_context(benchmark::State& state) {
  memctx::Context context("Message");
  for (auto _ : state) {
    state.PauseTiming();
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      benchmark::DoNotOptimize(context.allocate(chunk_size(i)));
    }
    state.ResumeTiming();
    context.reset();
  }
}
BENCHMARK(reset_context)->Arg(kMany);

void free_each_chunk(benchmark::State& state) {
  std::vector<void*> chunks(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    state.PauseTiming();
    std::int64_t i = 0;
    for (void*& chunk : chunks) benchmark::DoNotOptimize(chunk = std::malloc(chunk_size(i++)));
    state.ResumeTiming();
    for (void* chunk : chunks) std::free(chunk);
  }
}
BENCHMARK(free_each_chunk)->Arg(kMany);

// A vector that grows element by element, as a reply's columns do.
void vector_in_context(benchmark::State& state) {
  memctx::Context context("Message");
  memctx::Resource resource(context);
  for (auto _ : state) {
    {
      std::pmr::vector<std::int64_t> numbers(&resource);
      for (std::int64_t i = 0; i < state.range(0); ++i) numbers.push_back(i);
      benchmark::DoNotOptimize(numbers.data());
    }
    context.reset();
  }
}
BENCHMARK(vector_in_context)->Arg(kFew)->Arg(kMany);

void vector_on_heap(benchmark::State& state) {
  for (auto _ : state) {
    std::vector<std::int64_t> numbers;
    for (std::int64_t i = 0; i < state.range(0); ++i) numbers.push_back(i);
    benchmark::DoNotOptimize(numbers.data());
  }
}
BENCHMARK(vector_on_heap)->Arg(kFew)->Arg(kMany);

}  // namespace
