#pragma once

#include <string>
#include <string_view>

#include "bench/results/live_result.h"

namespace bench::results {

// The name and version of what to_json() writes. Of one version, fields may be added; what changes
// or goes away makes a new one. docs/benchmarking.md lists the fields.
inline constexpr std::string_view kLiveSchema = "walbench.live/1";

// One JSON object, indented, with a newline behind it.
std::string to_json(const LiveResult& result);

}  // namespace bench::results
