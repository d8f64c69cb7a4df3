#include "server/console/call_analysis.h"

#include <algorithm>
#include <utility>

#include "runtime/format.h"
#include "server/console/aggregates.h"
#include "server/console/errors.h"
#include "server/console/json_rows.h"
#include "server/console/lexer.h"

namespace server::console {

namespace {

using Kind = Expression::Kind;

Typed made(std::string sql, Type type, std::size_t begin) {
  return {.sql = std::move(sql), .type = type, .begin = begin};
}

bool is_conditional(std::string_view name) {
  return name == "coalesce" || name == "nullif" || name == "greatest" || name == "least";
}

}  // namespace

runtime::Result<Typed> CallAnalysis::extract(const Expression& expression, Scope& scope) {
  Typed value = TRY(expressions_.analyze(*expression.arguments[0], scope));
  Typed field{
      .sql = quoted_text(expression.text), .begin = expression.begin, .literal = expression.text};
  return functions_.call(coercion_, "extract", {std::move(field), std::move(value)},
                         expression.begin);
}

runtime::Result<Typed> CallAnalysis::call(const Expression& expression, Scope& scope) {
  const std::string& name = expression.names.back();
  if (expression.names.size() > 1 && expression.names[0] != "pg_catalog") {
    return coercion_.error(
        kUndefinedFunction,
        runtime::format("function {}.{} does not exist", expression.names[0], name),
        expression.begin);
  }
  if (is_aggregate(name)) return aggregate_call(expression, scope);
  if (is_conditional(name)) return conditional_call(expression, scope);
  if (name == "row_to_json" || name == "to_json" || name == "to_jsonb") {
    if (auto row = TRY(row_json(expression, scope)); !row.sql.empty()) return row;
  }
  std::vector<Typed> arguments = TRY(expressions_.all(expression.arguments, scope));
  // pg_lsn('0/0') is a cast, as the name of any type is.
  const auto type = find_type(std::string_view(name));
  if (type && arguments.size() == 1 && !functions_.has(name)) {
    return coercion_.cast(std::move(arguments[0]), *type);
  }
  // The end of WAL, from which monitors count how far a standby is behind: walcast has one, though
  // it is in recovery.
  if (name == "pg_wal_lsn_diff" && !expression.arguments.empty()) {
    const Expression& from = *expression.arguments[0];
    if (from.kind == Kind::kFunction && from.names.back() == "pg_current_wal_lsn") {
      arguments[0] = TRY(functions_.call(coercion_, "walcast_end_of_wal", {}, from.begin));
    }
  }
  return functions_.call(coercion_, name, std::move(arguments), expression.begin);
}

// A row as JSON, or an empty expression if the argument is no row.
runtime::Result<Typed> CallAnalysis::row_json(const Expression& expression, Scope& scope) {
  if (expression.arguments.size() != 1) return Typed{};
  const Expression& argument = *expression.arguments[0];
  const bool named = argument.names.size() == 1 &&
                     (argument.kind == Kind::kColumn || argument.kind == Kind::kStar);
  const Source* source = named ? scope.find_source(argument.names[0]) : nullptr;
  if (source == nullptr) return Typed{};
  return made(json_of_row(*source), Type::kJson, expression.begin);
}

runtime::Result<std::vector<Typed>> CallAnalysis::aggregate_arguments(const Expression& expression,
                                                                      Scope& scope) {
  const std::string& name = expression.names.back();
  if (name == "json_agg" || name == "jsonb_agg") {
    Typed row = TRY(row_json(expression, scope));
    if (!row.sql.empty()) return std::vector<Typed>{std::move(row)};
  }
  return expressions_.all(expression.arguments, scope);
}

runtime::Result<Typed> CallAnalysis::aggregate_call(const Expression& expression, Scope& scope) {
  if (!scope.no_aggregates_in.empty()) {
    return coercion_.error(
        kGrouping,
        runtime::format("aggregate functions are not allowed in {}", scope.no_aggregates_in),
        expression.begin);
  }
  if (scope.in_aggregate) {
    return coercion_.error(kGrouping, "aggregate function calls cannot be nested",
                           expression.begin);
  }
  scope.has_aggregate = true;
  scope.in_aggregate = true;
  auto arguments = aggregate_arguments(expression, scope);
  std::string filter;
  if (arguments && expression.filter) {
    Typed condition = TRY(expressions_.condition(*expression.filter, scope, "FILTER"));
    filter = runtime::format(" FILTER (WHERE {})", condition.sql);
  }
  scope.in_aggregate = false;
  if (!arguments) return std::move(arguments).error();
  return aggregate(coercion_, expression, std::move(*arguments), filter);
}

runtime::Result<Typed> CallAnalysis::conditional_call(const Expression& expression, Scope& scope) {
  const std::string& name = expression.names.back();
  std::vector<Typed> arguments = TRY(expressions_.all(expression.arguments, scope));
  const bool nullif = name == "nullif";
  if (arguments.empty() || (nullif && arguments.size() != 2)) {
    return syntax_error(coercion_.text(), {.kind = TokenKind::kWord,
                                           .text = name,
                                           .begin = expression.begin,
                                           .end = expression.begin + name.size()});
  }
  std::string upper = name;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) { return c & ~0x20; });
  const Type type = TRY(coercion_.unify(arguments, upper));
  if (arguments.size() == 1) return made(arguments[0].sql, type, expression.begin);
  std::string sql = (name == "greatest" || name == "least" ? "pg_" : "") + name + "(";
  for (const Typed& argument : arguments) {
    sql += (sql.back() == '(' ? "" : ",") + argument.sql;
  }
  return made(sql + ")", type, expression.begin);
}

}  // namespace server::console
