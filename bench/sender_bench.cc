// What a turn of a loop costs per standby that gets a new commit.

#include <memory>
#include <vector>

#include "bench/live_loop.h"
#include "server/stream/delivery.h"
#include "server/stream/stage_clock.h"

namespace {

using bench::LiveLoop;

// Items are standbys that got a commit: one turn serves all of them.
void commit_to_live_standbys(benchmark::State& state) {
  LiveLoop live(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    live.drain_all();
    CHECK(live.has_room());
    live.grow();
    state.ResumeTiming();
    live.turn();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(commit_to_live_standbys)->Arg(1)->Arg(16)->Arg(128);

// What of that is counting where the time goes, and what a report of each standby adds to it.
void count_live_deliveries(benchmark::State& state) {
  const runtime::SystemClock clock;
  const auto stages = std::make_unique<server::stream::StageClock>();
  std::vector<std::unique_ptr<server::stream::Delivery>> deliveries;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    auto& delivery = *deliveries.emplace_back(std::make_unique<server::stream::Delivery>(*stages));
    delivery.start();
    delivery.on_caught_up();
  }
  server::wal::Lsn end{1000};
  for (auto _ : state) {
    const runtime::Instant now = clock.now();
    const server::wal::Lsn begin = end;
    end = end + 200;
    stages->pop({.timelines = nullptr,
                 .begin = begin,
                 .end = end,
                 .published = now,
                 .arrived = now,
                 .found = now,
                 .stored = now,
                 .proven = now});
    stages->taken(clock.now());
    for (const auto& delivery : deliveries) {
      if (delivery->is_due(end)) delivery->sent(end, clock.now());
    }
    if (state.range(1) == 0) continue;
    for (const auto& delivery : deliveries) {
      delivery->on_report({.write = end, .flush = end, .apply = end}, now);
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(count_live_deliveries)->ArgsProduct({{1, 16, 128}, {0, 1}})->ArgNames({"", "reports"});

}  // namespace
