#pragma once

#include <string>
#include <string_view>

namespace server::config {

// The commit that was built, "0911c78" or, with changes that were not committed, "0911c78-dirty";
// "unknown" where the sources are no clone. Defined in the build directory (cmake/Commit.cmake).
std::string_view commit();

// What `walcast --version` says: the version in a line of its own, then what this binary is.
std::string version_text();

}  // namespace server::config
