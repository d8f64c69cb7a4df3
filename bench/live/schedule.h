#pragma once

#include <cmath>
#include <cstdint>

#include "bench/walbench/stamps.h"

namespace bench::live {

using walbench::WallNanos;

inline constexpr WallNanos kNanosPerSecond = 1'000'000'000;

// When each commit of a run is due. Commits from 0 on are measured; those before them, with
// negative numbers, warm the servers up.
struct Schedule {
  WallNanos begin = 0;       // of commit 0, at a window's begin
  double rate = 1;           // per second
  std::int64_t warm_up = 0;  // commits before the first that is measured
  std::int64_t commits = 0;  // to measure

  WallNanos due(std::int64_t number) const {
    const double seconds = static_cast<double>(number) / rate;
    return begin + std::llround(seconds * static_cast<double>(kNanosPerSecond));
  }
};

}  // namespace bench::live
