#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/behaviour/group.h"
#include "bench/behaviour/scenario_limits.h"
#include "runtime/result.h"

namespace bench::behaviour {

// What a scenario file says: the groups of a fleet, and the seed of what is random in it.
struct Scenario {
  std::uint64_t seed = 1;
  std::vector<Group> groups;  // at least one, of different names; kStandbysMax standbys at most
};

// Reads a file, TOML as docs/walbench.md has it. The error names file, line and key, and is
// PostgreSQL's where a value with a unit is wrong.
runtime::Result<Scenario> read_scenario(const std::string& path);
// The same for its text; `path` is what errors call it.
runtime::Result<Scenario> parse_scenario(const std::string& path, std::string_view text);

}  // namespace bench::behaviour
