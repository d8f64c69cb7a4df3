#pragma once

#include <cstddef>
#include <string_view>

#include "runtime/result.h"
#include "server/console/coercion.h"
#include "server/console/typed.h"

namespace server::console {

// left OPERATOR right, by PostgreSQL's types for it (pg_operator.dat, parse_oper.c). The error is
// PostgreSQL's: "operator does not exist: integer = text".
runtime::Result<Typed> apply_operator(Coercion& coercion, std::string_view name, Typed left,
                                      Typed right, std::size_t begin);
// OPERATOR operand.
runtime::Result<Typed> apply_operator(Coercion& coercion, std::string_view name, Typed operand,
                                      std::size_t begin);
bool is_comparison(std::string_view name);
// left LIKE right; `escape` may be null.
runtime::Result<Typed> apply_like(Coercion& coercion, bool ignores_case, Typed left, Typed right,
                                  Typed* escape, std::size_t begin);

}  // namespace server::console
