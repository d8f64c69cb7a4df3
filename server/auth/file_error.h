#pragma once

#include <cstddef>
#include <string>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/result.h"

namespace server::auth {

using runtime::kConfigFileError;
inline constexpr runtime::ErrorKind kInvalidRegularExpression{"invalid_regular_expression",
                                                              "2201B"};

// What is wrong with a line of an hba or ident file, or, where `line` is 0, with the file.
struct FileError {
  runtime::Error error;
  std::string file;
  std::size_t line = 0;

  // What PostgreSQL prints as CONTEXT below the message; empty for a whole file.
  std::string context() const {
    return line == 0 ? std::string()
                     : runtime::format("line {} of configuration file \"{}\"", line, file);
  }
};

}  // namespace server::auth
