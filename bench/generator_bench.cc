// How fast synthetic WAL is made: in memory, and into files beside a plain write of as many bytes.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <vector>

#include "runtime/check.h"
#include "runtime/fd.h"
#include "server/wal/builder.h"
#include "server/wal/generator.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace server::wal;  // NOLINT(google-build-using-namespace): its benchmarks

constexpr std::int64_t kFileBytes = 64 << 20;

void set_bytes(benchmark::State& state, std::int64_t per_iteration) {
  state.SetBytesProcessed(state.iterations() * per_iteration);
}

void builder_append(benchmark::State& state) {
  const Identity identity{.system_identifier = 1, .segment_size = {}, .page_magic = 0xD110};
  WalBuilder builder(identity, TimelineId{1}, identity.segment_size.start(SegmentNo{1}));
  const std::vector<std::byte> data(static_cast<std::size_t>(state.range(0)), std::byte{1});
  for (auto _ : state) {
    builder.append_noop(data);
    if (builder.bytes().size() >= Generator::kBatchBytes) builder.clear();
  }
  set_bytes(state, state.range(0));
}
BENCHMARK(builder_append)->Arg(50)->Arg(1000)->Arg(8000)->Arg(1 << 20);

// Range: the shortest and the longest record.
void generate_files(benchmark::State& state) {
  const tests::TempDir dir;
  const auto generator =
      Generator::open({.directory = dir.path(),
                       .records = {.record_bytes_min = static_cast<std::uint32_t>(state.range(0)),
                                   .record_bytes_max = static_cast<std::uint32_t>(state.range(1))}})
          .value();
  for (auto _ : state) {
    CHECK(generator->append_bytes(kFileBytes).has_value());
    CHECK(generator->remove_before(generator->end()).has_value());
  }
  set_bytes(state, kFileBytes);
}
BENCHMARK(generate_files)->Args({50, 8000})->Args({50, 200})->Args({8000, 64000});

void plain_write(benchmark::State& state) {
  const tests::TempDir dir;
  const std::vector<std::byte> batch(Generator::kBatchBytes, std::byte{1});
  for (auto _ : state) {
    const runtime::UniqueFd file(
        ::open(dir.file("plain").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    for (std::int64_t at = 0; at < kFileBytes; at += static_cast<std::int64_t>(batch.size())) {
      CHECK(::pwrite(file.get(), batch.data(), batch.size(), at) > 0);
    }
  }
  set_bytes(state, kFileBytes);
}
BENCHMARK(plain_write);

}  // namespace
