#pragma once

#include <string>

#include "bench/results/live_result.h"

namespace bench::results {

// A run as one HTML file: no links, no scripts, nothing that is loaded. Plots are SVG in it, and
// follow the reader's choice of light or dark.
std::string to_page(const LiveResult& result);

}  // namespace bench::results
