#include "server/console/from_analysis.h"

#include <algorithm>
#include <utility>

#include "runtime/format.h"
#include "server/console/errors.h"

namespace server::console {

namespace {

// What psql's \d and its like read first, and what works instead of them.
constexpr std::string_view kRelationHint =
    "walcast has no tables, and only the views that say how it is. SHOW HELP lists them; SELECT * "
    "FROM pg_stat_replication works, and \\d does not.";

std::vector<AnalyzedColumn> columns_of(const Relation& relation, int version) {
  std::vector<AnalyzedColumn> columns;
  for (const Column& column : relation.columns(version)) {
    columns.push_back({std::string(column.name), column.type, false});
  }
  return columns;
}

}  // namespace

runtime::Result<std::string> FromAnalysis::analyze(const std::vector<FromItem>& items,
                                                   Scope& scope) {
  std::string sql;
  for (const FromItem& one : items) {
    sql += (sql.empty() ? " FROM " : ", ") + TRY(item(one, scope));
  }
  return sql;
}

runtime::Result<std::string> FromAnalysis::item(const FromItem& item, Scope& scope) {
  switch (item.kind) {
    case FromItem::Kind::kTable:
      return table(item, scope);
    case FromItem::Kind::kFunction:
      return function(item, scope);
    case FromItem::Kind::kJoin:
      return join(item, scope);
    case FromItem::Kind::kQuery:
      break;
  }
  // A query sees no tables beside it, as without LATERAL.
  Scope beside;
  beside.outer = scope.outer;
  beside.with = scope.with;
  AnalyzedQuery query = TRY(queries_.query(*item.query, &beside));
  return add(item, "", "(" + query.sql + ")", std::move(query.columns), scope);
}

runtime::Error FromAnalysis::no_relation(const FromItem& item) const {
  std::string name;
  for (const std::string& part : item.names) name += (name.empty() ? "" : ".") + part;
  return coercion_.error(kUndefinedTable, runtime::format("relation \"{}\" does not exist", name),
                         item.begin, std::string(kRelationHint));
}

runtime::Result<std::string> FromAnalysis::table(const FromItem& item, Scope& scope) {
  const std::string& name = item.names.back();
  if (item.names.size() == 1) {
    if (const AnalyzedQuery* with = scope.find_with(name)) {
      return add(item, name, with->sql, with->columns, scope);
    }
  } else if (item.names.size() > 2 || item.names[0] != "pg_catalog") {
    return no_relation(item);
  }
  const Relation* relation = catalog_.find(name, false);
  if (relation == nullptr) return no_relation(item);
  return add(item, name, module_name(catalog_.index_of(*relation), version_),
             columns_of(*relation, version_), scope);
}

runtime::Result<std::string> FromAnalysis::function(const FromItem& item, Scope& scope) {
  const Expression& call = *item.function;
  const std::string& name = call.names.back();
  if (name == "generate_series") return series(item, scope);
  const Relation* relation = catalog_.find(name, true);
  if (relation == nullptr) {
    Typed value = TRY(expressions_.analyze(call, scope));
    TRY(coercion_.settle(value));
    if (value.type == Type::kRecord) return record(item, value, scope);
    const std::string column = item.alias.empty() ? name : item.alias;
    return add(item, name, runtime::format("(SELECT {} AS c0)", value.sql),
               {{column, value.type, false}}, scope);
  }
  std::string arguments;
  std::vector<Typed> values;
  for (const ExpressionRef& argument : call.arguments) {
    values.push_back(TRY(expressions_.analyze(*argument, scope)));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool taken = i < relation->arguments().size() &&
                       TRY(coercion_.coerce(values[i], relation->arguments()[i]));
    if (!taken) {
      return coercion_.error(
          kUndefinedFunction,
          runtime::format("function {} does not exist", signature(name, values)), call.begin,
          "No function matches the given name and argument types. You might need to add explicit "
          "type casts.");
    }
    arguments += (i == 0 ? "" : ",") + values[i].sql;
  }
  std::string sql = module_name(catalog_.index_of(*relation), version_);
  if (!values.empty()) sql += "(" + arguments + ")";
  return add(item, name, std::move(sql), columns_of(*relation, version_), scope);
}

// The columns of a slot that is made: the function is called once.
runtime::Result<std::string> FromAnalysis::record(const FromItem& item, const Typed& call,
                                                  Scope& scope) {
  const std::string sql = runtime::format(
      "(WITH r(v) AS MATERIALIZED (SELECT {}) SELECT pg_field(v,1) AS c0, "
      "pg_cast({},{},pg_field(v,2)) AS c1 FROM r)",
      call.sql, static_cast<int>(Type::kText), static_cast<int>(Type::kLsn));
  return add(item, item.function->names.back(), sql,
             {{"slot_name", Type::kName, false}, {"lsn", Type::kLsn, false}}, scope);
}

// generate_series(a, b, step), row by row: it may have no end that is ever reached.
runtime::Result<std::string> FromAnalysis::series(const FromItem& item, Scope& scope) {
  const Expression& call = *item.function;
  std::vector<Typed> values;
  for (const ExpressionRef& argument : call.arguments) {
    values.push_back(TRY(expressions_.analyze(*argument, scope)));
  }
  Type type = Type::kUnknown;
  if (values.size() == 2 || values.size() == 3) type = TRY(coercion_.unify(values, "series"));
  if (type != Type::kInt4 && type != Type::kInt8) {
    return coercion_.error(
        kUndefinedFunction,
        runtime::format("function {} does not exist", signature("generate_series", values)),
        call.begin);
  }
  const std::string step = values.size() == 3 ? values[2].sql : "1";
  const std::string sql = runtime::format(
      "(WITH RECURSIVE g(c0) AS (SELECT {0} WHERE {0} <= {1} AND {2} > 0 OR {0} >= {1} AND {2} < 0 "
      "UNION ALL SELECT c0 + {2} FROM g WHERE c0 + {2} <= {1} AND {2} > 0 OR c0 + {2} >= {1} AND "
      "{2} < 0) SELECT c0 FROM g)",
      values[0].sql, values[1].sql, step);
  const std::string column = item.alias.empty() ? "generate_series" : item.alias;
  return add(item, "generate_series", sql, {{column, type, false}}, scope);
}

runtime::Result<std::string> FromAnalysis::join(const FromItem& join, Scope& scope) {
  if (join.natural) return coercion_.not_supported("NATURAL JOIN is", join.begin);
  const std::string left = TRY(item(*join.left, scope));
  const std::size_t right_from = scope.sources.size();
  const std::string right = TRY(item(*join.right, scope));
  std::string on;
  if (join.on) {
    scope.no_aggregates_in = "JOIN conditions";
    on = " ON " + TRY(expressions_.condition(*join.on, scope, "JOIN/ON")).sql;
    scope.no_aggregates_in = {};
  } else if (!join.using_columns.empty()) {
    on = " ON " + TRY(merge(join.using_columns, join.begin, scope, right_from));
  }
  std::string kind = join.join;
  std::transform(kind.begin(), kind.end(), kind.begin(), [](char c) { return c & ~0x20; });
  return runtime::format("{} {} JOIN {}{}", left, kind, right, on);
}

// USING: the columns of both sides are equal, and one.
runtime::Result<std::string> FromAnalysis::merge(const std::vector<std::string>& names,
                                                 std::size_t begin, Scope& scope,
                                                 std::size_t right_from) {
  std::string on;
  for (const std::string& name : names) {
    Source::Column* sides[2] = {nullptr, nullptr};
    for (std::size_t i = 0; i < scope.sources.size(); ++i) {
      for (Source::Column& column : scope.sources[i].columns) {
        Source::Column*& side = sides[i < right_from ? 0 : 1];
        if (column.name == name && !column.merged && side == nullptr) side = &column;
      }
    }
    if (sides[0] == nullptr || sides[1] == nullptr) {
      return coercion_.error(
          kUndefinedColumn,
          runtime::format("column \"{}\" specified in USING clause does not exist in {} table",
                          name, sides[0] == nullptr ? "left" : "right"),
          begin);
    }
    sides[1]->merged = true;
    on += runtime::format("{}{} = {}", on.empty() ? "" : " AND ", sides[0]->sql, sides[1]->sql);
  }
  return on;
}

// One more source, under its alias or the name that it has without one.
runtime::Result<std::string> FromAnalysis::add(const FromItem& item, std::string_view name,
                                               std::string sql, std::vector<AnalyzedColumn> columns,
                                               Scope& scope) {
  const std::string_view known = item.alias.empty() ? name : std::string_view(item.alias);
  if (!known.empty() && scope.find_source(known) != nullptr) {
    return coercion_.error(kDuplicateAlias,
                           runtime::format("table name \"{}\" specified more than once", known),
                           item.begin);
  }
  if (item.columns.size() > columns.size()) {
    return coercion_.error(
        kBadColumnReference,
        runtime::format("table \"{}\" has {} columns available but {} columns specified", known,
                        columns.size(), item.columns.size()),
        item.begin);
  }
  const std::string alias = runtime::format("t{}", next_source_++);
  Source source{.name = std::string(known), .columns = {}};
  for (std::size_t i = 0; i < columns.size(); ++i) {
    source.columns.push_back({.name = i < item.columns.size() ? item.columns[i] : columns[i].name,
                              .type = columns[i].type,
                              .sql = runtime::format("{}.c{}", alias, i)});
  }
  scope.sources.push_back(std::move(source));
  return runtime::format("{} AS {}", sql, alias);
}

}  // namespace server::console
