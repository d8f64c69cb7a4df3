#pragma once

// The keys of a [[group]] in a scenario file.

#include <toml++/toml.h>

#include <string>
#include <string_view>

#include "bench/behaviour/group.h"
#include "runtime/result.h"

namespace bench::behaviour {

// A key as it stands in a file. Valid as long as the table that it is from.
struct Entry {
  std::string_view name;
  const toml::node& node;
};

// What is wrong in a scenario file, of kScenarioWrong.
runtime::Error wrong(std::string what);

// Has the group do what the key says. An error names the key.
runtime::Result<void> take_key(Group& group, const Entry& entry);

// Whether keys that are right one by one make sense together, when all have been taken.
runtime::Result<void> check_group(Group& group);

}  // namespace bench::behaviour
