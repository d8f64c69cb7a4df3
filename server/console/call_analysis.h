#pragma once

#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/console/ast.h"
#include "server/console/coercion.h"
#include "server/console/function_table.h"
#include "server/console/scope.h"

namespace server::console {

// What is written as a call: functions, aggregates, casts by a type's name, and what has a grammar
// of its own (parse_func.c, ParseFuncOrColumn).
//   Owner: ExpressionAnalysis.  Thread: any.
//   Borrows: the coercion, the functions, and the analysis of arguments.
class CallAnalysis {
 public:
  class Expressions {
   public:
    virtual ~Expressions() = default;
    virtual runtime::Result<Typed> analyze(const Expression& expression, Scope& scope) = 0;
    virtual runtime::Result<Typed> condition(const Expression& expression, Scope& scope,
                                             std::string_view clause) = 0;
    virtual runtime::Result<std::vector<Typed>> all(const std::vector<ExpressionRef>& expressions,
                                                    Scope& scope) = 0;
  };

  CallAnalysis(Coercion& coercion, const FunctionTable& functions, Expressions& expressions)
      : coercion_(coercion), functions_(functions), expressions_(expressions) {}

  runtime::Result<Typed> call(const Expression& expression, Scope& scope);
  runtime::Result<Typed> extract(const Expression& expression, Scope& scope);

 private:
  runtime::Result<Typed> aggregate_call(const Expression& expression, Scope& scope);
  runtime::Result<Typed> conditional_call(const Expression& expression, Scope& scope);
  runtime::Result<Typed> row_json(const Expression& expression, Scope& scope);
  runtime::Result<std::vector<Typed>> aggregate_arguments(const Expression& expression,
                                                          Scope& scope);

  Coercion& coercion_;
  const FunctionTable& functions_;
  Expressions& expressions_;
};

}  // namespace server::console
