#pragma once

#include <vector>

#include "bench/results/live_result.h"
#include "bench/results/plot.h"

namespace bench::results {

// The pictures of a run, in the order in which a page shows them. What has no points is left out.
std::vector<Plot> plots_of(const LiveResult& result);

}  // namespace bench::results
