#pragma once

#include <string_view>

#include "runtime/result.h"
#include "server/console/ast.h"
#include "server/console/catalog.h"
#include "server/console/coercion.h"
#include "server/console/function_table.h"
#include "server/console/scope.h"

namespace server::console {

// What a parsed query is to SQLite, with the types of its columns (analyze.c). Names and types are
// looked up here, so that errors are PostgreSQL's, with their positions; SQLite gets names that
// were made up for it: r7v15 is the relation of index 7 as PostgreSQL 15 has it, t0 the first in
// FROM, c0 its first column, f3 a function.
// REQUIRES: the coercion is of the statement that the query was parsed from.
runtime::Result<AnalyzedQuery> analyze_query(Coercion& coercion, const Catalog& catalog,
                                             const FunctionTable& functions, int version,
                                             const Query& query);

}  // namespace server::console
