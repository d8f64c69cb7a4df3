#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/console/ast.h"
#include "server/console/coercion.h"
#include "server/console/typed.h"

namespace server::console {

bool is_aggregate(std::string_view name);

// The call of an aggregate (pg_aggregate.dat), with its FILTER in SQLite's words; 42883 if it does
// not take these.
runtime::Result<Typed> aggregate(Coercion& coercion, const Expression& call,
                                 std::vector<Typed> arguments, std::string_view filter);

}  // namespace server::console
