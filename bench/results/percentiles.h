#pragma once

#include "bench/results/live_result.h"
#include "bench/walbench/histogram.h"

namespace bench::results {

Percentiles percentiles_of(const walbench::Histogram& micros);
// Its course, by steps that are even in nines, as far as there are delays to tell.
std::vector<CurvePoint> curve_of(const walbench::Histogram& micros);

}  // namespace bench::results
