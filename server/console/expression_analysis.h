#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/console/ast.h"
#include "server/console/call_analysis.h"
#include "server/console/coercion.h"
#include "server/console/function_table.h"
#include "server/console/scope.h"

namespace server::console {

// What an expression is to SQLite, and its type (parse_expr.c, transformExpr).
//   Owner: QueryAnalysis.  Thread: any.
//   Borrows: the coercion, the functions, and the analysis of queries within.
class ExpressionAnalysis final : private CallAnalysis::Expressions {
 public:
  class Queries {
   public:
    virtual ~Queries() = default;
    virtual runtime::Result<AnalyzedQuery> query(const Query& query, const Scope* outer) = 0;
  };

  ExpressionAnalysis(Coercion& coercion, const FunctionTable& functions, Queries& queries)
      : coercion_(coercion),
        functions_(functions),
        queries_(queries),
        calls_(coercion, functions, *this) {}

  runtime::Result<Typed> analyze(const Expression& expression, Scope& scope) override;
  // The same, as a condition: of WHERE, HAVING or ON.
  runtime::Result<Typed> condition(const Expression& expression, Scope& scope,
                                   std::string_view clause) override;

 private:
  runtime::Result<Typed> dispatch(const Expression& expression, Scope& scope);
  runtime::Result<std::vector<Typed>> all(const std::vector<ExpressionRef>& expressions,
                                          Scope& scope) override;
  runtime::Result<Typed> combined(const Expression& expression, Scope& scope);
  runtime::Result<Typed> number(const Expression& expression);
  runtime::Result<Typed> connected(const Expression& expression, Scope& scope);
  runtime::Result<Typed> tested(const Expression& expression, Scope& scope);
  runtime::Result<Typed> operation(const Expression& expression, Scope& scope);
  runtime::Result<Typed> like(const Expression& expression, Scope& scope);
  runtime::Result<Typed> between(const Expression& expression, Scope& scope);
  runtime::Result<Typed> in(const Expression& expression, Scope& scope);
  runtime::Result<Typed> in_query(const Expression& expression, Typed value, bool negated,
                                  Scope& scope);
  runtime::Result<Typed> any(const Expression& expression, Scope& scope);
  runtime::Result<Typed> subquery(const Expression& expression, Scope& scope);
  runtime::Result<Typed> array(const Expression& expression, Scope& scope);
  runtime::Result<Typed> element(const Expression& expression, Scope& scope);
  runtime::Result<Typed> cases(const Expression& expression, Scope& scope);

  Coercion& coercion_;
  const FunctionTable& functions_;
  Queries& queries_;
  CallAnalysis calls_;
};

}  // namespace server::console
