#include "server/console/expression_analysis.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/console/lexer.h"
#include "server/console/operators.h"

namespace server::console {

namespace {

using Kind = Expression::Kind;

Typed made(std::string sql, Type type, std::size_t begin) {
  return {.sql = std::move(sql), .type = type, .begin = begin};
}

}  // namespace

runtime::Result<Typed> ExpressionAnalysis::analyze(const Expression& expression, Scope& scope) {
  const std::size_t ungrouped = scope.ungrouped.size();
  Typed value = TRY(dispatch(expression, scope));
  // Columns within what the rows are grouped by are no fault.
  const bool grouped = scope.groups && std::find(scope.group_sql.begin(), scope.group_sql.end(),
                                                 value.sql) != scope.group_sql.end();
  if (grouped) scope.ungrouped.resize(ungrouped);
  return value;
}

runtime::Result<Typed> ExpressionAnalysis::condition(const Expression& expression, Scope& scope,
                                                     std::string_view clause) {
  Typed value = TRY(analyze(expression, scope));
  TRY(coercion_.require(value, Type::kBool, clause));
  return value;
}

runtime::Result<std::vector<Typed>> ExpressionAnalysis::all(
    const std::vector<ExpressionRef>& expressions, Scope& scope) {
  std::vector<Typed> values;
  for (const ExpressionRef& expression : expressions) {
    values.push_back(TRY(analyze(*expression, scope)));
  }
  return values;
}

runtime::Result<Typed> ExpressionAnalysis::dispatch(const Expression& expression, Scope& scope) {
  const std::size_t begin = expression.begin;
  switch (expression.kind) {
    case Kind::kColumn:
      return find_column(coercion_, scope, expression.names, begin);
    case Kind::kStar:
      return coercion_.error(wire::kSyntaxError, "row expansion via \"*\" is not supported here",
                             begin);
    case Kind::kString:
      return Typed{.sql = quoted_text(expression.text), .begin = begin, .literal = expression.text};
    case Kind::kNumber:
      return number(expression);
    case Kind::kNull:
      return made("NULL", Type::kUnknown, begin);
    case Kind::kBool:
      return made(expression.flag ? "1" : "0", Type::kBool, begin);
    case Kind::kParameter: {
      auto parameter = coercion_.parameter(expression.number, begin);
      return parameter;
    }
    case Kind::kCast: {
      const Type type = TRY(coercion_.type_of(expression.type));
      Typed value = TRY(analyze(*expression.arguments[0], scope));
      return coercion_.cast(std::move(value), type);
    }
    case Kind::kAtZone: {
      Typed value = TRY(analyze(*expression.arguments[0], scope));
      Typed zone = TRY(analyze(*expression.arguments[1], scope));
      return functions_.call(coercion_, "timezone", {std::move(zone), std::move(value)}, begin);
    }
    case Kind::kRow:
      return coercion_.not_supported("row constructors are", begin);
    default:
      return combined(expression, scope);
  }
}

// Those with a function of their own.
runtime::Result<Typed> ExpressionAnalysis::combined(const Expression& expression, Scope& scope) {
  switch (expression.kind) {
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kNot:
      return connected(expression, scope);
    case Kind::kIsNull:
    case Kind::kIsBool:
    case Kind::kDistinct:
      return tested(expression, scope);
    case Kind::kOperator:
      return operation(expression, scope);
    case Kind::kLike:
      return like(expression, scope);
    case Kind::kBetween:
      return between(expression, scope);
    case Kind::kIn:
      return in(expression, scope);
    case Kind::kAny:
      return any(expression, scope);
    case Kind::kExists:
    case Kind::kSubquery:
      return subquery(expression, scope);
    case Kind::kArrayQuery:
    case Kind::kArray:
      return array(expression, scope);
    case Kind::kElement:
      return element(expression, scope);
    case Kind::kCase:
      return cases(expression, scope);
    case Kind::kExtract:
      return calls_.extract(expression, scope);
    case Kind::kFunction:
      return calls_.call(expression, scope);
    default:
      return coercion_.not_supported("this expression is", expression.begin);
  }
}

// Whole numbers are of the least type that has them (scan.l, make_const).
runtime::Result<Typed> ExpressionAnalysis::number(const Expression& expression) {
  for (const Type type : {Type::kInt4, Type::kInt8, Type::kNumeric}) {
    if (type != Type::kNumeric &&
        expression.text.find_first_not_of("-0123456789") != std::string::npos) {
      continue;
    }
    const auto value = read_text(type, expression.text);
    if (!value && type != Type::kNumeric) continue;
    if (!value) return at(value.error(), coercion_.text(), expression.begin);
    std::string sql = constant(*value);
    if (sql.starts_with('-')) sql = "(" + sql + ")";
    return made(std::move(sql), type, expression.begin);
  }
  return coercion_.error(wire::kSyntaxError, "invalid number", expression.begin);
}

runtime::Result<Typed> ExpressionAnalysis::connected(const Expression& expression, Scope& scope) {
  std::vector<Typed> sides = TRY(all(expression.arguments, scope));
  for (Typed& side : sides) TRY(coercion_.require(side, Type::kBool, expression.text));
  if (expression.kind == Kind::kNot) {
    return made(runtime::format("(NOT {})", sides[0].sql), Type::kBool, expression.begin);
  }
  return made(runtime::format("({} {} {})", sides[0].sql, expression.text, sides[1].sql),
              Type::kBool, expression.begin);
}

runtime::Result<Typed> ExpressionAnalysis::tested(const Expression& expression, Scope& scope) {
  std::vector<Typed> sides = TRY(all(expression.arguments, scope));
  const std::string_view negated = expression.flag ? "NOT " : "";
  std::string sql;
  if (expression.kind == Kind::kIsNull) {
    TRY(coercion_.settle(sides[0]));
    sql = runtime::format("({} IS {}NULL)", sides[0].sql, negated);
  } else if (expression.kind == Kind::kIsBool) {
    std::string word = expression.text;
    std::transform(word.begin(), word.end(), word.begin(), [](char c) { return c & ~0x20; });
    TRY(coercion_.require(sides[0], Type::kBool, runtime::format("IS {}", word)));
    sql = runtime::format("({} IS {}{})", sides[0].sql, negated, word == "UNKNOWN" ? "NULL" : word);
  } else {
    TRY(coercion_.unify(sides, "IS DISTINCT FROM"));
    sql =
        runtime::format("({} IS {}{})", sides[0].sql, expression.flag ? "" : "NOT ", sides[1].sql);
  }
  return made(std::move(sql), Type::kBool, expression.begin);
}

runtime::Result<Typed> ExpressionAnalysis::operation(const Expression& expression, Scope& scope) {
  std::vector<Typed> sides = TRY(all(expression.arguments, scope));
  if (sides.size() == 1) {
    return apply_operator(coercion_, expression.text, std::move(sides[0]), expression.begin);
  }
  return apply_operator(coercion_, expression.text, std::move(sides[0]), std::move(sides[1]),
                        expression.begin);
}

runtime::Result<Typed> ExpressionAnalysis::like(const Expression& expression, Scope& scope) {
  std::vector<Typed> sides = TRY(all(expression.arguments, scope));
  Typed value = TRY(apply_like(coercion_, expression.text == "ilike", std::move(sides[0]),
                               std::move(sides[1]), sides.size() > 2 ? &sides[2] : nullptr,
                               expression.begin));
  if (expression.flag) value.sql = runtime::format("(NOT {})", value.sql);
  return value;
}

runtime::Result<Typed> ExpressionAnalysis::between(const Expression& expression, Scope& scope) {
  std::vector<Typed> sides = TRY(all(expression.arguments, scope));
  Typed least = TRY(apply_operator(coercion_, ">=", sides[0], sides[1], expression.begin));
  Typed most = TRY(apply_operator(coercion_, "<=", sides[0], sides[2], expression.begin));
  return made(
      runtime::format("({}({} AND {}))", expression.flag ? "NOT " : "", least.sql, most.sql),
      Type::kBool, expression.begin);
}

runtime::Result<Typed> ExpressionAnalysis::in(const Expression& expression, Scope& scope) {
  Typed value = TRY(analyze(*expression.arguments[0], scope));
  if (expression.query) return in_query(expression, std::move(value), expression.flag, scope);
  std::string sql;
  for (std::size_t i = 1; i < expression.arguments.size(); ++i) {
    Typed member = TRY(analyze(*expression.arguments[i], scope));
    Typed equal = TRY(apply_operator(coercion_, "=", value, std::move(member), expression.begin));
    sql += (sql.empty() ? "" : " OR ") + equal.sql;
  }
  return made(runtime::format("({}({}))", expression.flag ? "NOT " : "", sql), Type::kBool,
              expression.begin);
}

runtime::Result<Typed> ExpressionAnalysis::in_query(const Expression& expression, Typed value,
                                                    bool negated, Scope& scope) {
  const AnalyzedQuery members = TRY(queries_.query(*expression.query, &scope));
  if (members.columns.size() != 1) {
    return coercion_.error(wire::kSyntaxError, "subquery has too many columns", expression.begin);
  }
  Typed member = made("c0", members.columns[0].type, expression.begin);
  // The comparison decides about the types; what it makes of either side is used apart.
  TRY(apply_operator(coercion_, "=", value, member, expression.begin));
  Typed sides[]{std::move(value), std::move(member)};
  TRY(coercion_.unify(sides, "IN"));
  return made(runtime::format("({} {}IN (SELECT {} FROM ({})))", sides[0].sql,
                              negated ? "NOT " : "", sides[1].sql, members.sql),
              Type::kBool, expression.begin);
}

// x = ANY (...) and x <> ALL (...), of an array or a query.
runtime::Result<Typed> ExpressionAnalysis::any(const Expression& expression, Scope& scope) {
  const bool all_differ = expression.flag && expression.text == "<>";
  if (!all_differ && (expression.flag || expression.text != "=")) {
    return coercion_.not_supported("ANY and ALL are, but for = ANY and <> ALL,", expression.begin);
  }
  Typed value = TRY(analyze(*expression.arguments[0], scope));
  if (expression.query) return in_query(expression, std::move(value), all_differ, scope);
  Typed list = TRY(analyze(*expression.arguments[1], scope));
  TRY(coercion_.settle(value));
  if (list.type == Type::kUnknown) {
    const auto array = array_of(value.type);
    TRY(coercion_.coerce(list, array.value_or(Type::kTextArray)));
  }
  if (!is_array(list.type)) {
    return coercion_.error(runtime::kWrongObjectType,
                           "op ANY/ALL (array) requires array on right side", expression.begin);
  }
  const Type element = info(list.type).element;
  if (!common_type(value.type, element)) {
    return coercion_.error(kUndefinedFunction,
                           runtime::format("operator does not exist: {} = {}",
                                           info(value.type).name, info(element).name),
                           expression.begin);
  }
  value = TRY(coercion_.cast(std::move(value), Type::kText));
  return made(
      runtime::format("({}pg_in_array({},{}))", all_differ ? "NOT " : "", value.sql, list.sql),
      Type::kBool, expression.begin);
}

runtime::Result<Typed> ExpressionAnalysis::subquery(const Expression& expression, Scope& scope) {
  AnalyzedQuery query = TRY(queries_.query(*expression.query, &scope));
  if (expression.kind == Kind::kExists) {
    return made(runtime::format("EXISTS ({})", query.sql), Type::kBool, expression.begin);
  }
  if (query.columns.size() != 1) {
    return coercion_.error(wire::kSyntaxError, "subquery must return only one column",
                           expression.begin);
  }
  return made(runtime::format("({})", query.sql), query.columns[0].type, expression.begin);
}

runtime::Result<Typed> ExpressionAnalysis::array(const Expression& expression, Scope& scope) {
  if (expression.kind == Kind::kArrayQuery) {
    const AnalyzedQuery query = TRY(queries_.query(*expression.query, &scope));
    Typed value = made("c0", query.columns[0].type, expression.begin);
    const auto type = array_of(value.type);
    if (query.columns.size() != 1 || !type) {
      return coercion_.not_supported("an array of that is", expression.begin);
    }
    value = TRY(coercion_.cast(std::move(value), Type::kText));
    return made(runtime::format("(SELECT coalesce(pg_array_agg({}),'{{}}') FROM ({}))", value.sql,
                                query.sql),
                *type, expression.begin);
  }
  std::vector<Typed> elements = TRY(all(expression.arguments, scope));
  const Type element = TRY(coercion_.unify(elements, "ARRAY"));
  const auto type = array_of(element);
  if (!type) return coercion_.not_supported("an array of that is", expression.begin);
  if (elements.empty()) return made("'{}'", *type, expression.begin);
  std::string sql = "pg_array(";
  for (Typed& value : elements) {
    value = TRY(coercion_.cast(std::move(value), Type::kText));
    sql += (sql.back() == '(' ? "" : ",") + value.sql;
  }
  return made(sql + ")", *type, expression.begin);
}

runtime::Result<Typed> ExpressionAnalysis::element(const Expression& expression, Scope& scope) {
  std::vector<Typed> sides = TRY(all(expression.arguments, scope));
  if (!is_array(sides[0].type)) {
    return coercion_.error(kDatatypeMismatch,
                           runtime::format("cannot subscript type {} because it does not support "
                                           "subscripting",
                                           info(sides[0].type).name),
                           expression.begin);
  }
  TRY(coercion_.require(sides[1], Type::kInt4, "array subscript"));
  const Type type = info(sides[0].type).element;
  Typed found = made(runtime::format("pg_element({},{})", sides[0].sql, sides[1].sql), Type::kText,
                     expression.begin);
  return coercion_.cast(std::move(found), type);
}

runtime::Result<Typed> ExpressionAnalysis::cases(const Expression& expression, Scope& scope) {
  std::vector<Typed> parts = TRY(all(expression.arguments, scope));
  std::size_t i = expression.text.empty() ? 0 : 1;
  const std::size_t end = parts.size() - (expression.flag ? 1 : 0);
  std::vector<std::string> conditions;
  std::vector<Typed> results;
  for (; i < end; i += 2) {
    Typed when = std::move(parts[i]);
    if (!expression.text.empty()) {
      when = TRY(apply_operator(coercion_, "=", parts[0], std::move(when), when.begin));
    }
    TRY(coercion_.require(when, Type::kBool, "CASE/WHEN"));
    conditions.push_back(std::move(when.sql));
    results.push_back(std::move(parts[i + 1]));
  }
  if (expression.flag) results.push_back(std::move(parts.back()));
  const Type type = TRY(coercion_.unify(results, "CASE"));
  std::string sql = "CASE";
  for (std::size_t at = 0; at < conditions.size(); ++at) {
    sql += runtime::format(" WHEN {} THEN {}", conditions[at], results[at].sql);
  }
  if (expression.flag) sql += runtime::format(" ELSE {}", results.back().sql);
  return made("(" + sql + " END)", type, expression.begin);
}

}  // namespace server::console
