#pragma once

// One-dimensional arrays in PostgreSQL's spelling (arrayfuncs.c: array_in, array_out).

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace server::console {

using ArrayElements = std::vector<std::optional<std::string>>;

// "{a,NULL,"b c"}". The error is PostgreSQL's (22P02).
runtime::Result<ArrayElements> read_array(std::string_view text);
std::string write_array(std::span<const std::optional<std::string>> elements);

}  // namespace server::console
