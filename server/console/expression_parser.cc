#include "server/console/expression_parser.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/format.h"
#include "server/console/errors.h"

namespace server::console {

namespace {

using Kind = Expression::Kind;

bool is_comparison(const Token& token) {
  constexpr std::string_view kComparisons[]{"=", "<", ">", "<=", ">=", "<>"};
  return token.kind == TokenKind::kOperator &&
         std::find(std::begin(kComparisons), std::end(kComparisons), token.text) !=
             std::end(kComparisons);
}

// Any operator that has no place of its own in the precedence.
bool is_other_operator(const Token& token) {
  return token.kind == TokenKind::kOperator && !is_comparison(token) && token.text != "+" &&
         token.text != "-" && token.text != "*" && token.text != "/" && token.text != "%" &&
         token.text != "^";
}

}  // namespace

runtime::Result<ExpressionRef> ExpressionParser::expression() {
  if (depth_ >= kDepthMax) {
    return runtime::Error{.kind = &kStatementTooComplex, .what = "stack depth limit exceeded"};
  }
  ++depth_;
  auto expression = disjunction();
  --depth_;
  return expression;
}

runtime::Result<ExpressionRef> ExpressionParser::disjunction() {
  ExpressionRef left = TRY(conjunction());
  while (tokens_.next_is("or")) {
    TRY(tokens_.nest());
    const std::size_t begin = tokens_.take().begin;
    ExpressionRef right = TRY(conjunction());
    left = make_expression(Kind::kOr, begin, "OR", std::move(left), std::move(right));
  }
  return left;
}

runtime::Result<ExpressionRef> ExpressionParser::conjunction() {
  ExpressionRef left = TRY(negation());
  while (tokens_.next_is("and")) {
    TRY(tokens_.nest());
    const std::size_t begin = tokens_.take().begin;
    ExpressionRef right = TRY(negation());
    left = make_expression(Kind::kAnd, begin, "AND", std::move(left), std::move(right));
  }
  return left;
}

runtime::Result<ExpressionRef> ExpressionParser::negation() {
  if (!tokens_.next_is("not")) return test();
  const std::size_t begin = tokens_.take().begin;
  bool odd = true;
  while (tokens_.accept("not")) odd = !odd;
  ExpressionRef operand = TRY(test());
  if (!odd) operand = make_expression(Kind::kNot, begin, "NOT", std::move(operand));
  return make_expression(Kind::kNot, begin, "NOT", std::move(operand));
}

runtime::Result<ExpressionRef> ExpressionParser::test() {
  TRY(tokens_.nest());
  ExpressionRef left = TRY(comparison());
  while (true) {
    TRY(tokens_.nest());
    const std::size_t begin = tokens_.begin();
    if (tokens_.accept("isnull")) {
      left = make_expression(Kind::kIsNull, begin, "", std::move(left));
    } else if (tokens_.accept("notnull")) {
      left = make_expression(Kind::kIsNull, begin, "", std::move(left));
      left->flag = true;
    } else if (tokens_.accept("is")) {
      left = TRY(test_behind(std::move(left), begin));
    } else {
      return left;
    }
  }
}

// Behind IS.
runtime::Result<ExpressionRef> ExpressionParser::test_behind(ExpressionRef left,
                                                             std::size_t begin) {
  const bool negated = tokens_.accept("not");
  ExpressionRef made;
  if (tokens_.accept("null")) {
    made = make_expression(Kind::kIsNull, begin, "", std::move(left));
  } else if (tokens_.next_is("true") || tokens_.next_is("false") || tokens_.next_is("unknown")) {
    made = make_expression(Kind::kIsBool, begin, tokens_.take().text, std::move(left));
  } else if (tokens_.accept({"distinct", "from"})) {
    ExpressionRef right = TRY(comparison());
    made = make_expression(Kind::kDistinct, begin, "", std::move(left), std::move(right));
  } else {
    return tokens_.unexpected();
  }
  made->flag = negated;
  return made;
}

runtime::Result<ExpressionRef> ExpressionParser::comparison() {
  ExpressionRef left = TRY(pattern());
  while (is_comparison(tokens_.peek())) {
    TRY(tokens_.nest());
    const Token token = tokens_.take();
    left = TRY(any_or_operand(token.text, std::move(left), token.begin, false));
  }
  return left;
}

// Behind an operator: ANY (...), ALL (...), or a plain operand.
runtime::Result<ExpressionRef> ExpressionParser::any_or_operand(std::string_view operation,
                                                                ExpressionRef left,
                                                                std::size_t begin, bool above_sum) {
  const bool all = tokens_.next_is("all");
  if ((all || tokens_.next_is("any") || tokens_.next_is("some")) && tokens_.next_is("(", 1)) {
    tokens_.take();
    ExpressionRef made = make_expression(Kind::kAny, begin, operation, std::move(left));
    made->flag = all;
    if (query_begins(tokens_)) {
      tokens_.take();
      made->query = TRY(queries_.query());
    } else {
      tokens_.take();
      made->arguments.push_back(TRY(expression()));
    }
    TRY(tokens_.expect(")"));
    return made;
  }
  ExpressionRef right = above_sum ? TRY(sum()) : TRY(pattern());
  return make_expression(Kind::kOperator, begin, operation, std::move(left), std::move(right));
}

runtime::Result<ExpressionRef> ExpressionParser::pattern() {
  ExpressionRef left = TRY(operation());
  while (true) {
    TRY(tokens_.nest());
    const bool negated = tokens_.next_is("not");
    const std::size_t ahead = negated ? 1 : 0;
    if (!tokens_.next_is("like", ahead) && !tokens_.next_is("ilike", ahead) &&
        !tokens_.next_is("between", ahead) && !tokens_.next_is("in", ahead)) {
      return left;
    }
    if (negated) tokens_.take();
    left = TRY(pattern_behind(std::move(left), negated));
  }
}

runtime::Result<ExpressionRef> ExpressionParser::pattern_behind(ExpressionRef left, bool negated) {
  const Token token = tokens_.take();
  if (token.text == "in") return members(std::move(left), negated);
  ExpressionRef made;
  if (token.text == "between") {
    tokens_.accept("symmetric");
    ExpressionRef least = TRY(operation());
    TRY(tokens_.expect("and"));
    ExpressionRef most = TRY(operation());
    made = make_expression(Kind::kBetween, token.begin, "", std::move(left), std::move(least),
                           std::move(most));
  } else {
    ExpressionRef right = TRY(operation());
    made = make_expression(Kind::kLike, token.begin, token.text, std::move(left), std::move(right));
    if (tokens_.accept("escape")) made->arguments.push_back(TRY(operation()));
  }
  made->flag = negated;
  return made;
}

// Behind IN.
runtime::Result<ExpressionRef> ExpressionParser::members(ExpressionRef left, bool negated) {
  ExpressionRef made = make_expression(Kind::kIn, tokens_.begin(), "", std::move(left));
  made->flag = negated;
  TRY(tokens_.expect("("));
  if (query_begins(tokens_)) {
    made->query = TRY(queries_.query());
  } else {
    do {
      made->arguments.push_back(TRY(expression()));
    } while (tokens_.accept(","));
  }
  TRY(tokens_.expect(")"));
  return made;
}

// An operator without a place of its own, or OPERATOR(schema.name).
runtime::Result<std::string> ExpressionParser::operator_name() {
  if (tokens_.peek().kind == TokenKind::kOperator) return tokens_.take().text;
  tokens_.take();
  TRY(tokens_.expect("("));
  while (tokens_.peek().is_name()) {
    TRY(tokens_.nest());
    tokens_.take();
    TRY(tokens_.expect("."));
  }
  if (tokens_.peek().kind != TokenKind::kOperator) return tokens_.unexpected();
  std::string name = tokens_.take().text;
  TRY(tokens_.expect(")"));
  return name;
}

runtime::Result<ExpressionRef> ExpressionParser::operation() {
  ExpressionRef left;
  if (is_other_operator(tokens_.peek())) {
    const Token token = tokens_.take();
    ExpressionRef operand = TRY(sum());
    left = make_expression(Kind::kOperator, token.begin, token.text, std::move(operand));
  } else {
    left = TRY(sum());
  }
  while (is_other_operator(tokens_.peek()) ||
         (tokens_.next_is("operator") && tokens_.next_is("(", 1))) {
    TRY(tokens_.nest());
    const std::size_t begin = tokens_.begin();
    const std::string name = TRY(operator_name());
    left = TRY(any_or_operand(name, std::move(left), begin, true));
  }
  return left;
}

runtime::Result<ExpressionRef> ExpressionParser::sum() {
  ExpressionRef left = TRY(product());
  while (tokens_.next_is("+") || tokens_.next_is("-")) {
    TRY(tokens_.nest());
    const Token token = tokens_.take();
    ExpressionRef right = TRY(product());
    left = make_expression(Kind::kOperator, token.begin, token.text, std::move(left),
                           std::move(right));
  }
  return left;
}

runtime::Result<ExpressionRef> ExpressionParser::product() {
  ExpressionRef left = TRY(power());
  while (tokens_.next_is("*") || tokens_.next_is("/") || tokens_.next_is("%")) {
    TRY(tokens_.nest());
    const Token token = tokens_.take();
    ExpressionRef right = TRY(power());
    left = make_expression(Kind::kOperator, token.begin, token.text, std::move(left),
                           std::move(right));
  }
  return left;
}

runtime::Result<ExpressionRef> ExpressionParser::power() {
  ExpressionRef left = TRY(signed_value());
  while (tokens_.next_is("^")) {
    TRY(tokens_.nest());
    const Token token = tokens_.take();
    ExpressionRef right = TRY(signed_value());
    left = make_expression(Kind::kOperator, token.begin, token.text, std::move(left),
                           std::move(right));
  }
  while (tokens_.next_is("at") && tokens_.next_is("time", 1) && tokens_.next_is("zone", 2)) {
    TRY(tokens_.nest());
    const std::size_t begin = tokens_.begin();
    tokens_.accept({"at", "time", "zone"});
    ExpressionRef zone = TRY(signed_value());
    left = make_expression(Kind::kAtZone, begin, "timezone", std::move(left), std::move(zone));
  }
  return left;
}

runtime::Result<ExpressionRef> ExpressionParser::signed_value() {
  int minuses = 0;
  const std::size_t begin = tokens_.begin();
  for (; tokens_.next_is("-") || tokens_.next_is("+"); tokens_.take()) {
    if (tokens_.next_is("-")) ++minuses;
  }
  ExpressionRef operand = TRY(postfix());
  if (minuses % 2 == 0) return operand;
  if (operand->kind == Kind::kNumber) {
    operand->text.insert(0, "-");
    return operand;
  }
  return make_expression(Kind::kOperator, begin, "-", std::move(operand));
}

runtime::Result<ExpressionRef> ExpressionParser::postfix() {
  ExpressionRef value = TRY(primary_.primary());
  while (true) {
    TRY(tokens_.nest());
    const std::size_t begin = tokens_.begin();
    if (tokens_.accept("::")) {
      ExpressionRef cast = make_expression(Kind::kCast, begin, "", std::move(value));
      cast->type = TRY(primary_.type_name());
      value = std::move(cast);
    } else if (tokens_.accept("[")) {
      ExpressionRef index = TRY(expression());
      TRY(tokens_.expect("]"));
      value = make_expression(Kind::kElement, begin, "", std::move(value), std::move(index));
    } else if (tokens_.accept("collate")) {
      // There is one order of texts, by their bytes.
      TRY(tokens_.label());
      while (tokens_.accept(".")) TRY(tokens_.label());
    } else {
      return value;
    }
  }
}

}  // namespace server::console
