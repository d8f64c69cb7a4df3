#pragma once

// The parameter `options` of a start-up packet: the command line of a backend (postgres.c:
// pg_split_opts, process_postgres_switches).

#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace server::session {

// One setting that a switch asks for.
struct Assignment {
  std::string name;
  std::string value;

  friend bool operator==(const Assignment&, const Assignment&) = default;
};

// What the switches of `options` set, in their order, up to the first switch that is wrong.
// Switches that a backend takes and that mean nothing here are passed over. The error is
// PostgreSQL's.
struct ParsedOptions {
  std::vector<Assignment> assignments;
  runtime::Result<void> end;
};
ParsedOptions parse_options(std::string_view options);

}  // namespace server::session
