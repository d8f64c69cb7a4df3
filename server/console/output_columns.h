#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/console/ast.h"
#include "server/console/coercion.h"
#include "server/console/scope.h"

namespace server::console {

// "a AS c0,b AS c1".
std::string column_list(const std::vector<Typed>& values);

// A term of ORDER BY. Nulls come last, or first where the order descends, as in PostgreSQL.
std::string order_term(std::string_view sql, const OrderItem& item);

// The column of an answer that ORDER BY names by its number or name, from 1; none if it is an
// expression of another kind. 42P10 for a number that no column has.
runtime::Result<std::optional<std::size_t>> ordinal_of(const Coercion& coercion,
                                                       const Expression& expression,
                                                       const std::vector<AnalyzedColumn>& columns,
                                                       std::string_view clause);

}  // namespace server::console
