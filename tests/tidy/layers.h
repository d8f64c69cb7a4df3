#pragma once

#include <string>
#include <vector>

#include "tests/tidy/source_tree.h"

namespace tests {

// What is wrong with the #include lines of one file: it may include from its own folder and from
// lower floors, never upward, never sideways; and a library only where that is named. One line per
// breach, with the path and the include. Tests may include anything.
std::vector<std::string> layer_breaches(const SourceFile& file);

}  // namespace tests
