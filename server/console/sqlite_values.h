#pragma once

#include <sqlite3.h>

#include "server/console/value.h"

namespace server::console {

// Values to and from SQLite.
Value value_of(sqlite3_value* value);
void set_result(sqlite3_context* context, const Value& value);

}  // namespace server::console
