#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/console/coercion.h"
#include "server/console/function.h"

namespace server::console {

// All functions that statements may call.
//   Owner: Engine.  Thread: any; it never changes once it is made.
class FunctionTable {
 public:
  FunctionTable();

  const std::vector<Function>& all() const { return functions_; }
  // As SQLite knows the function of that index.
  static std::string sqlite_name(std::size_t index);
  bool has(std::string_view name) const;

  // The call of the function whose arguments come closest to these (parse_func.c,
  // func_select_candidate); 42883 if there is none.
  runtime::Result<Typed> call(Coercion& coercion, std::string_view name,
                              std::vector<Typed> arguments, std::size_t begin) const;

 private:
  const Function* choose(std::string_view name, std::span<const Typed> arguments) const;

  std::vector<Function> functions_;
};

// "f(integer, text)", as an error names a call.
std::string signature(std::string_view name, std::span<const Typed> arguments);

}  // namespace server::console
