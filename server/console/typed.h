#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "server/console/types.h"

namespace server::console {

// An expression as SQLite is to have it, with its type.
struct Typed {
  std::string sql;
  Type type = Type::kUnknown;
  std::size_t begin = 0;  // in the statement, in bytes
  // What it is as long as its type is unknown: a literal, a parameter, or else NULL.
  std::optional<std::string> literal = {};
  std::size_t parameter = 0;  // from 1; 0: none
};

// 'it''s', "a""b": a NUL ends both, as it ends all texts of the protocol.
std::string quoted_text(std::string_view text);
// A constant of SQLite.
std::string constant(const Value& value);

}  // namespace server::console
