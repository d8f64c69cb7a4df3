#pragma once

#include <cstddef>
#include <string>

namespace server::settings {

// A value that an operator has given a parameter, and where.
struct Assignment {
  std::string name;  // of the parameter, with underscores
  std::string value;
  std::string file = {};  // empty: the command line
  std::size_t line = 0;   // of the file, from 1 on
};

}  // namespace server::settings
