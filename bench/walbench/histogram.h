#pragma once

#include <cstdint>

#include "runtime/histogram.h"

namespace bench::walbench {

// For a whole run, or a window of it: 30 kB, percentiles to within one part in 64.
using Histogram = runtime::BasicHistogram<std::uint64_t, 6, 64>;
inline constexpr double kHistogramResolution = 1.0 / 64;
// For one of many standbys: 2 kB, to within one part in 16. Microseconds up to an hour have buckets
// of their own.
using SmallHistogram = runtime::BasicHistogram<std::uint32_t, 4, 32>;

}  // namespace bench::walbench
