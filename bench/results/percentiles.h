#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bench/results/live_result.h"
#include "bench/walbench/histogram.h"

namespace bench::results {

// Whether so many delays tell a percentile: at least one of them must be longer, else it would be
// the longest by another name.
bool is_told(std::uint64_t count, double fraction);
// In microseconds; none if they are too few to tell.
std::optional<double> percentile_of(const walbench::Histogram& micros, double fraction);

Percentiles percentiles_of(const walbench::Histogram& micros);
// Its course, by steps that are even in nines, as far as there are delays to tell.
std::vector<CurvePoint> curve_of(const walbench::Histogram& micros);

}  // namespace bench::results
