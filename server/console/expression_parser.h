#pragma once

#include <string_view>

#include "runtime/result.h"
#include "server/console/ast.h"
#include "server/console/primary_parser.h"
#include "server/console/token_stream.h"

namespace server::console {

// Expressions, by the precedence of gram.y.
//   Owner: the parser of a query.  Thread: any.
//   Borrows: the tokens, and the parser for queries within.
class ExpressionParser final : private PrimaryParser::Outer {
 public:
  class Queries {
   public:
    virtual ~Queries() = default;
    // A query, up to the parenthesis behind it.
    virtual runtime::Result<QueryRef> query() = 0;
  };

  ExpressionParser(TokenStream& tokens, Queries& queries)
      : tokens_(tokens), queries_(queries), primary_(tokens, *this) {}

  runtime::Result<ExpressionRef> expression() override;
  // A function's call, and nothing behind it.
  runtime::Result<ExpressionRef> call() { return primary_.call(); }

 private:
  runtime::Result<ExpressionRef> disjunction();
  runtime::Result<ExpressionRef> conjunction();
  runtime::Result<ExpressionRef> negation();
  runtime::Result<ExpressionRef> test();
  runtime::Result<ExpressionRef> test_behind(ExpressionRef left, std::size_t begin);
  runtime::Result<ExpressionRef> comparison();
  runtime::Result<ExpressionRef> pattern();
  runtime::Result<ExpressionRef> pattern_behind(ExpressionRef left, bool negated);
  runtime::Result<ExpressionRef> members(ExpressionRef left, bool negated);
  runtime::Result<ExpressionRef> operation() override;
  runtime::Result<QueryRef> query() override { return queries_.query(); }
  runtime::Result<ExpressionRef> sum();
  runtime::Result<ExpressionRef> product();
  runtime::Result<ExpressionRef> power();
  runtime::Result<ExpressionRef> signed_value();
  runtime::Result<ExpressionRef> postfix();
  runtime::Result<ExpressionRef> any_or_operand(std::string_view operation, ExpressionRef left,
                                                std::size_t begin, bool above_sum);
  runtime::Result<std::string> operator_name();

  TokenStream& tokens_;
  Queries& queries_;
  PrimaryParser primary_;
  int depth_ = 0;
};

}  // namespace server::console
