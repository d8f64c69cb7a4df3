#pragma once

#include <variant>

#include "bench/walbench/options.h"

namespace bench::walbench {

// The options of a fleet without a writer, or the status with which to exit.
std::variant<Options, ExitStatus> parse_options(int argc, const char* const* argv);

}  // namespace bench::walbench
