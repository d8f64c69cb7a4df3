#pragma once

#include <string>

#include "server/console/scope.h"

namespace server::console {

// A row of that source as JSON, in SQLite's words (json.c, composite_to_json).
std::string json_of_row(const Source& source);

}  // namespace server::console
