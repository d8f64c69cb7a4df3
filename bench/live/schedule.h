#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>

#include "bench/walbench/stamps.h"
#include "runtime/clock.h"

namespace bench::live {

using walbench::WallNanos;

inline constexpr double kRounding = 1e-12;  // 2.1 s at 10/s are 21 turns
inline constexpr WallNanos kNanosPerSecond = 1'000'000'000;

// When each commit of a run is due. Commits from 0 on are measured; those before them, with
// negative numbers, warm the servers up.
struct Schedule {
  WallNanos begin = 0;       // of commit 0
  double rate = 1;           // per second
  std::int64_t warm_up = 0;  // commits before the first that is measured
  std::int64_t commits = 0;  // to measure

  // The warm-up begins at `now` and takes its time, and no more, whatever windows are counted by
  // and however long a turn is. Its commits are those that are due within it.
  static Schedule after_warm_up(WallNanos now, runtime::Duration warm_up, double rate,
                                std::int64_t commits) {
    const double turns = std::chrono::duration<double>(warm_up).count() * rate;
    return {.begin = now + warm_up.count(),
            .rate = rate,
            .warm_up = static_cast<std::int64_t>(std::floor(turns * (1 + kRounding))),
            .commits = commits};
  }

  WallNanos due(std::int64_t number) const {
    const double seconds = static_cast<double>(number) / rate;
    return begin + std::llround(seconds * static_cast<double>(kNanosPerSecond));
  }
};

}  // namespace bench::live
