#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace server::console {

// A value as SQLite keeps it. What it means depends on its type (types.h): positions, times,
// intervals and flags are integers, so that SQLite compares and sorts them as PostgreSQL does.
using Value = std::variant<std::monostate, std::int64_t, double, std::string>;

inline bool is_null(const Value& value) { return value.index() == 0; }

}  // namespace server::console
