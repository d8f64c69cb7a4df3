#pragma once

#include <cstddef>

#include "runtime/result.h"

namespace bench::behaviour {

// What is wrong in a scenario file.
inline constexpr runtime::ErrorKind kScenarioWrong{"scenario_wrong", "22023"};

inline constexpr std::size_t kStandbysMax = 1'000'000;  // of a run

}  // namespace bench::behaviour
