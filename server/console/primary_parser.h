#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/result.h"
#include "server/console/ast.h"
#include "server/console/token_stream.h"

namespace server::console {

// A node of that kind, with its text and arguments.
template <typename... Arguments>
ExpressionRef make_expression(Expression::Kind kind, std::size_t begin, std::string_view text = {},
                              Arguments... arguments) {
  auto expression = std::make_unique<Expression>();
  expression->kind = kind;
  expression->begin = begin;
  expression->text = text;
  (expression->arguments.push_back(std::move(arguments)), ...);
  return expression;
}

// Whether a query begins at the next token: SELECT, VALUES, WITH, or a parenthesis before one.
bool query_begins(const TokenStream& tokens);

// What binds closer than any operator: literals, names, calls and all that has a word of its own
// (gram.y, c_expr and func_expr).
//   Owner: ExpressionParser.  Thread: any.
//   Borrows: the tokens, and the parser of what stands within parentheses.
class PrimaryParser {
 public:
  class Outer {
   public:
    virtual ~Outer() = default;
    virtual runtime::Result<ExpressionRef> expression() = 0;
    // An expression without comparisons, which IN and AND would otherwise be part of.
    virtual runtime::Result<ExpressionRef> operation() = 0;
    // A query, up to the parenthesis behind it.
    virtual runtime::Result<QueryRef> query() = 0;
  };

  PrimaryParser(TokenStream& tokens, Outer& outer) : tokens_(tokens), outer_(outer) {}

  runtime::Result<ExpressionRef> primary();
  // A function's call, and nothing behind it.
  runtime::Result<ExpressionRef> call();
  runtime::Result<TypeName> type_name();

 private:
  runtime::Result<ExpressionRef> word();
  runtime::Result<ExpressionRef> typed_literal();
  runtime::Result<ExpressionRef> parenthesis();
  runtime::Result<ExpressionRef> case_of();
  runtime::Result<ExpressionRef> cast_of();
  runtime::Result<ExpressionRef> extract();
  runtime::Result<ExpressionRef> array();
  runtime::Result<ExpressionRef> exists();
  runtime::Result<ExpressionRef> special_call(std::string_view name);
  runtime::Result<ExpressionRef> name_or_call();
  runtime::Result<ExpressionRef> call_behind(std::vector<std::string> names, std::size_t begin);

  TokenStream& tokens_;
  Outer& outer_;
};

}  // namespace server::console
