#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace server::client {

// The rows of an answer, as text. A plain value.
struct Table {
  struct Column {
    std::string name;
    std::uint32_t type = 0;  // its OID
  };
  using Row = std::vector<std::optional<std::string>>;  // none: NULL

  std::vector<Column> columns;
  std::vector<Row> rows;

  std::optional<std::size_t> find(std::string_view name) const;
  // Empty where it is NULL, or there is no such column.
  std::string_view value(const Row& row, std::string_view name) const;
};

// In columns, with a line below their names, as psql prints them; numbers at the right. Control
// characters, which a standby's name may have, are '?'.
std::string print_table(const Table& table);
// An array of objects, with numbers and booleans where the columns are of such types.
std::string print_json(const Table& table);

// What a terminal may be sent of a text.
std::string printable(std::string_view text);

}  // namespace server::client
