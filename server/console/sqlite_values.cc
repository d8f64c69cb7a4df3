#include "server/console/sqlite_values.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace server::console {

Value value_of(sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
      return Value(static_cast<std::int64_t>(sqlite3_value_int64(value)));
    case SQLITE_FLOAT:
      return Value(sqlite3_value_double(value));
    case SQLITE_NULL:
      return {};
    default: {
      const auto* bytes = reinterpret_cast<const char*>(sqlite3_value_text(value));
      if (bytes == nullptr) return Value(std::string());
      return Value(std::string(bytes, static_cast<std::size_t>(sqlite3_value_bytes(value))));
    }
  }
}

void set_result(sqlite3_context* context, const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    sqlite3_result_int64(context, *whole);
  } else if (const auto* real = std::get_if<double>(&value)) {
    sqlite3_result_double(context, *real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    sqlite3_result_text(context, text->data(), static_cast<int>(text->size()), SQLITE_TRANSIENT);
  } else {
    sqlite3_result_null(context);
  }
}

}  // namespace server::console
