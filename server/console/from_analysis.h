#pragma once

#include <string>
#include <vector>

#include "runtime/result.h"
#include "server/console/ast.h"
#include "server/console/catalog.h"
#include "server/console/coercion.h"
#include "server/console/expression_analysis.h"
#include "server/console/function_table.h"
#include "server/console/scope.h"

namespace server::console {

// The tables, functions, queries and joins of FROM (parse_clause.c, transformFromClause).
//   Owner: QueryAnalysis.  Thread: any.  Borrows: all that it is made of.
class FromAnalysis {
 public:
  FromAnalysis(Coercion& coercion, const Catalog& catalog, const FunctionTable& functions,
               ExpressionAnalysis& expressions, ExpressionAnalysis::Queries& queries, int version)
      : coercion_(coercion),
        catalog_(catalog),
        functions_(functions),
        expressions_(expressions),
        queries_(queries),
        version_(version) {}

  // " FROM ...", or nothing. The scope has the sources from now on.
  runtime::Result<std::string> analyze(const std::vector<FromItem>& items, Scope& scope);

 private:
  runtime::Result<std::string> item(const FromItem& item, Scope& scope);
  runtime::Result<std::string> table(const FromItem& item, Scope& scope);
  runtime::Result<std::string> function(const FromItem& item, Scope& scope);
  runtime::Result<std::string> series(const FromItem& item, Scope& scope);
  runtime::Result<std::string> record(const FromItem& item, const Typed& call, Scope& scope);
  runtime::Result<std::string> join(const FromItem& item, Scope& scope);
  runtime::Result<std::string> merge(const std::vector<std::string>& names, std::size_t begin,
                                     Scope& scope, std::size_t right_from);
  runtime::Result<std::string> add(const FromItem& item, std::string_view name, std::string sql,
                                   std::vector<AnalyzedColumn> columns, Scope& scope);
  runtime::Error no_relation(const FromItem& item) const;

  Coercion& coercion_;
  const Catalog& catalog_;
  const FunctionTable& functions_;
  ExpressionAnalysis& expressions_;
  ExpressionAnalysis::Queries& queries_;
  int version_;
  int next_source_ = 0;
};

}  // namespace server::console
