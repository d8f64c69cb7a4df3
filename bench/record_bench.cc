// How fast WAL is proven, by the size of its records: the reader that streams are proven with, over
// pages in memory, beside a checksum of the same bytes and nothing else; and over a file, as
// `walcast verify` reads one.

#include <benchmark/benchmark.h>

#include <span>
#include <string>

#include "bench/built_wal.h"
#include "runtime/check.h"
#include "server/verify/prover.h"
#include "server/wal/crc32c.h"
#include "server/wal/names.h"
#include "server/wal/record_reader.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace server::wal;  // NOLINT(google-build-using-namespace): its benchmarks

using bench::BuiltSegment;
using bench::kSegmentBytes;
using bench::MemoryPages;

void set_counters(benchmark::State& state, const BuiltSegment& segment) {
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(segment.builder.bytes().size()));
  state.SetItemsProcessed(state.iterations() * segment.records);
}

void prove_records(benchmark::State& state) {
  const BuiltSegment segment(state.range(0));
  MemoryPages pages(segment.builder);
  for (auto _ : state) {
    RecordReader reader(pages, bench::kIdentity);
    reader.seek(segment.begin);
    std::int64_t records = 0;
    while (reader.next() == Outcome::kRecord) ++records;
    CHECK(records == segment.records);
  }
  set_counters(state, segment);
}

void checksum_alone(benchmark::State& state) {
  const BuiltSegment segment(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(segment.builder.bytes()));
  set_counters(state, segment);
}

void prove_file(benchmark::State& state) {
  const BuiltSegment segment(state.range(0));
  const tests::TempDir dir;
  const FileName name{.timeline = TimelineId{1}, .seg = 1};
  std::FILE* const file = std::fopen(dir.file(file_name(name)).c_str(), "w");
  std::vector<std::byte> bytes(segment.builder.bytes().begin(), segment.builder.bytes().end());
  bytes.resize(kSegmentBytes);
  CHECK(std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size());
  std::fclose(file);
  const Directory directory(dir.path());
  const TimelineHistory history(TimelineId{1});
  const server::verify::Piece piece{.file = {.name = name, .no = SegmentNo{1}},
                                    .begin = segment.begin,
                                    .end = segment.begin + kSegmentBytes};
  for (auto _ : state) {
    const auto proof = server::verify::prove({directory, bench::kIdentity, &history}, piece);
    CHECK(proof.records == static_cast<std::uint64_t>(segment.records));
  }
  set_counters(state, segment);
}

void sizes(benchmark::internal::Benchmark* bench) {
  for (const std::int64_t size : {40, 100, 200, 1000, 4000, 8000, 1 << 20}) bench->Arg(size);
}
BENCHMARK(prove_records)->Apply(sizes);
BENCHMARK(prove_file)->Apply(sizes);
BENCHMARK(checksum_alone)->Apply(sizes);

}  // namespace
