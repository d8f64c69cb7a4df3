#pragma once

#include <string>

#include "runtime/result.h"

namespace tests {

// What a failure tells the client: "SQLSTATE message; hint". Empty if it is none.
template <typename T>
std::string said(const runtime::Result<T>& result) {
  if (result.has_value()) return "";
  const runtime::Error& error = result.error();
  return std::string(error.kind->code) + " " + error.what +
         (error.hint.empty() ? "" : "; " + error.hint);
}

}  // namespace tests
