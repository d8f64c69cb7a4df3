#include "server/console/query_analysis.h"

#include <algorithm>
#include <utility>

#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/console/expression_analysis.h"
#include "server/console/figure_name.h"
#include "server/console/from_analysis.h"
#include "server/console/output_columns.h"

namespace server::console {

namespace {

using Kind = Expression::Kind;

class QueryAnalysis final : private ExpressionAnalysis::Queries {
 public:
  QueryAnalysis(Coercion& coercion, const Catalog& catalog, const FunctionTable& functions,
                int version)
      : coercion_(coercion),
        expressions_(coercion, functions, *this),
        from_(coercion, catalog, functions, expressions_, *this, version) {}

  runtime::Result<AnalyzedQuery> query(const Query& query, const Scope* outer) override {
    constexpr int kQueriesMax = 1000;
    if (++queries_ > kQueriesMax) {
      return coercion_.error(kStatementTooComplex, "too many queries within one", query.begin);
    }
    Scope scope;
    scope.outer = outer;
    std::string with;
    for (const CommonTable& table : query.with) {
      const std::string definition = TRY(common_table(table, query.recursive, scope));
      with += (with.empty() ? query.recursive ? "WITH RECURSIVE " : "WITH " : ",") + definition;
    }
    AnalyzedQuery analyzed =
        query.sets ? TRY(set_operation(query, scope)) : TRY(select(query, scope));
    analyzed.is_plain = with.empty() && query.order_by.empty() && !query.limit && !query.offset &&
                        query.select != nullptr;
    analyzed.sql = with.empty() ? std::move(analyzed.sql) : with + " " + analyzed.sql;
    analyzed.sql += TRY(limits(query, scope));
    return analyzed;
  }

 private:
  // "w0(c0,c1) AS (...)", whose name the scope has from now on.
  runtime::Result<std::string> common_table(const CommonTable& table, bool recursive,
                                            Scope& scope) {
    const std::string name = runtime::format("w{}", next_with_++);
    AnalyzedQuery body;
    if (recursive && table.query->sets) {
      // What comes first decides about the columns, for what refers to them.
      AnalyzedQuery first = TRY(query(*table.query->sets->left, &scope));
      TRY(rename(first, table));
      first.sql = name;
      scope.with[table.name] = std::move(first);
      body = TRY(query(*table.query, &scope));
    } else {
      body = TRY(query(*table.query, &scope));
    }
    TRY(rename(body, table));
    std::string columns;
    for (std::size_t i = 0; i < body.columns.size(); ++i) {
      columns += runtime::format("{}c{}", i == 0 ? "" : ",", i);
    }
    std::string definition = runtime::format("{}({}) AS ({})", name, columns, body.sql);
    body.sql = name;
    scope.with[table.name] = std::move(body);
    return definition;
  }

  runtime::Result<void> rename(AnalyzedQuery& body, const CommonTable& table) {
    if (table.columns.size() > body.columns.size()) {
      return coercion_.error(
          kBadColumnReference,
          runtime::format("WITH query \"{}\" has {} columns available but {} columns specified",
                          table.name, body.columns.size(), table.columns.size()),
          table.begin);
    }
    for (std::size_t i = 0; i < table.columns.size(); ++i) body.columns[i].name = table.columns[i];
    return {};
  }

  runtime::Result<AnalyzedQuery> set_operation(const Query& query, Scope& scope) {
    const SetOperation& sets = *query.sets;
    AnalyzedQuery left = TRY(this->query(*sets.left, &scope));
    AnalyzedQuery right = TRY(this->query(*sets.right, &scope));
    std::string name = sets.operation;
    std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c & ~0x20; });
    if (left.columns.size() != right.columns.size()) {
      return coercion_.error(
          wire::kSyntaxError,
          runtime::format("each {} query must have the same number of columns", name),
          sets.right->begin);
    }
    if (sets.all && sets.operation != "union") {
      return coercion_.not_supported(runtime::format("{} ALL is", name), query.begin);
    }
    std::vector<AnalyzedColumn> columns = left.columns;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto known = [](const AnalyzedColumn& column) {
        return column.unknown ? Type::kUnknown : column.type;
      };
      const auto type = common_type(known(left.columns[i]), known(right.columns[i]));
      if (!type) {
        return coercion_.error(
            kDatatypeMismatch,
            runtime::format("{} types {} and {} cannot be matched", name,
                            info(left.columns[i].type).name, info(right.columns[i].type).name),
            sets.right->begin);
      }
      columns[i].unknown = *type == Type::kUnknown;
      columns[i].type = columns[i].unknown ? Type::kText : *type;
    }
    AnalyzedQuery both{
        .sql = runtime::format("{} {}{} {}", TRY(as_operand(left, columns)), name,
                               sets.all ? " ALL" : "", TRY(as_operand(right, columns))),
        .columns = std::move(columns)};
    both.sql += TRY(set_order(query, both));
    return both;
  }

  // SQLite has no parentheses around operands, so what is more than a SELECT is a table. What
  // follows WITH RECURSIVE may not be.
  runtime::Result<std::string> as_operand(const AnalyzedQuery& side,
                                          const std::vector<AnalyzedColumn>& columns) {
    std::vector<Typed> values;
    bool alike = side.is_plain;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      alike = alike && kept_alike(side.columns[i].type, columns[i].type);
      Typed value{.sql = runtime::format("c{}", i), .type = side.columns[i].type};
      values.push_back(TRY(coercion_.cast(std::move(value), columns[i].type)));
    }
    if (alike) return side.sql;
    return runtime::format("SELECT {} FROM ({})", column_list(values), side.sql);
  }

  // Of a UNION: by its columns alone.
  runtime::Result<std::string> set_order(const Query& query, const AnalyzedQuery& both) {
    std::string sql;
    for (const OrderItem& item : query.order_by) {
      const auto ordinal = TRY(ordinal_of(coercion_, *item.value, both.columns, "ORDER BY"));
      if (!ordinal) {
        return coercion_.not_supported("ORDER BY of anything but a column of a UNION is",
                                       item.value->begin);
      }
      sql += (sql.empty() ? " ORDER BY " : ",") + order_term(std::to_string(*ordinal), item);
    }
    return sql;
  }

  runtime::Result<std::string> limits(const Query& query, Scope& scope) {
    std::string sql;
    Scope none;
    none.outer = scope.outer;
    none.no_aggregates_in = "LIMIT";
    if (query.limit || query.offset) sql = " LIMIT -1";
    if (query.limit) {
      Typed value = TRY(expressions_.analyze(*query.limit, none));
      TRY(coercion_.require(value, Type::kInt8, "LIMIT"));
      sql = runtime::format(" LIMIT coalesce(pg_row_count({},1),-1)", value.sql);
    }
    if (query.offset) {
      none.no_aggregates_in = "OFFSET";
      Typed value = TRY(expressions_.analyze(*query.offset, none));
      TRY(coercion_.require(value, Type::kInt8, "OFFSET"));
      sql += runtime::format(" OFFSET coalesce(pg_row_count({},0),0)", value.sql);
    }
    return sql;
  }

  runtime::Result<AnalyzedQuery> values(const Select& select, Scope& scope) {
    std::vector<std::vector<Typed>> rows;
    for (const auto& row : select.values) {
      std::vector<Typed>& typed = rows.emplace_back();
      for (const ExpressionRef& value : row) {
        typed.push_back(TRY(expressions_.analyze(*value, scope)));
      }
      if (typed.size() != rows[0].size()) {
        return coercion_.error(wire::kSyntaxError, "VALUES lists must all be the same length",
                               row[0]->begin);
      }
    }
    AnalyzedQuery analyzed;
    for (std::size_t i = 0; i < rows[0].size(); ++i) {
      std::vector<Typed> column;
      for (auto& row : rows) column.push_back(row[i]);
      const bool unknown = std::all_of(column.begin(), column.end(), [](const Typed& value) {
        return value.type == Type::kUnknown;
      });
      const Type type = TRY(coercion_.unify(column, "VALUES"));
      for (std::size_t row = 0; row < rows.size(); ++row) rows[row][i] = std::move(column[row]);
      analyzed.columns.push_back({runtime::format("column{}", i + 1), type, unknown});
    }
    for (const auto& row : rows) {
      analyzed.sql += (analyzed.sql.empty() ? "SELECT " : " UNION ALL SELECT ") + column_list(row);
    }
    return analyzed;
  }

  runtime::Result<AnalyzedQuery> select(const Query& query, Scope& scope) {
    const Select& select = *query.select;
    if (!select.values.empty()) {
      AnalyzedQuery analyzed = TRY(values(select, scope));
      analyzed.sql = runtime::format("SELECT * FROM ({})", analyzed.sql);
      analyzed.sql += TRY(set_order(query, analyzed));
      return analyzed;
    }
    const std::string from = TRY(from_.analyze(select.from, scope));
    std::string where;
    if (select.where) {
      scope.no_aggregates_in = "WHERE";
      where = " WHERE " + TRY(expressions_.condition(*select.where, scope, "WHERE")).sql;
      scope.no_aggregates_in = {};
    }
    TRY(groups(select, scope));
    AnalyzedQuery analyzed;
    std::vector<Typed> items;
    TRY(targets(select, scope, items, analyzed.columns));
    std::string rest;
    if (select.having) {
      rest = " HAVING " + TRY(expressions_.condition(*select.having, scope, "HAVING")).sql;
    }
    const std::string order = TRY(order_of(query, scope, analyzed.columns));
    if (!scope.group_sql.empty()) {
      std::string by;
      for (const std::string& sql : scope.group_sql) by += (by.empty() ? "" : ",") + sql;
      rest = " GROUP BY " + by + rest;
    }
    if (scope.has_aggregate || scope.groups) TRY(check_groups(scope));
    analyzed.sql = runtime::format("SELECT {}{}{}{}{}{}", select.distinct ? "DISTINCT " : "",
                                   column_list(items), from, where, rest, order);
    return analyzed;
  }

  // What the rows are grouped by. Without that, an aggregate makes one group of all of them.
  runtime::Result<void> groups(const Select& select, Scope& scope) {
    scope.no_aggregates_in = "GROUP BY";
    for (const ExpressionRef& by : select.group_by) {
      const Expression* expression = by.get();
      if (expression->kind == Kind::kNumber) {
        const std::size_t number =
            expression->text.size() > 4 ? 0 : static_cast<std::size_t>(std::stoi(expression->text));
        if (number == 0 || number > select.items.size()) {
          return coercion_.error(
              kBadColumnReference,
              runtime::format("GROUP BY position {} is not in select list", expression->text),
              expression->begin);
        }
        expression = select.items[number - 1].value.get();
      }
      auto value = expressions_.analyze(*expression, scope);
      // A name that is no column may be that of an item.
      if (!value && by->kind == Kind::kColumn && by->names.size() == 1) {
        for (const SelectItem& item : select.items) {
          if (item.name != by->names[0]) continue;
          value = expressions_.analyze(*item.value, scope);
          break;
        }
      }
      if (!value) return std::move(value).error();
      scope.group_sql.push_back(std::move(*value).sql);
    }
    scope.no_aggregates_in = {};
    // Until an aggregate is met it is not known whether rows are grouped.
    scope.groups = true;
    scope.ungrouped.clear();
    return {};
  }

  runtime::Result<void> check_groups(const Scope& scope) {
    const bool grouped = !scope.group_sql.empty() || scope.has_aggregate;
    if (!grouped || scope.ungrouped.empty()) return {};
    const Scope::Ungrouped& column = scope.ungrouped.front();
    return coercion_.error(kGrouping,
                           runtime::format("column \"{}\" must appear in the GROUP BY clause or be "
                                           "used in an aggregate function",
                                           column.name),
                           column.begin);
  }

  runtime::Result<void> targets(const Select& select, Scope& scope, std::vector<Typed>& items,
                                std::vector<AnalyzedColumn>& columns) {
    constexpr std::size_t kTargetsMax = 1664;  // MaxTupleAttributeNumber
    for (const SelectItem& item : select.items) {
      if (item.value->kind == Kind::kStar) {
        TRY(expand(*item.value, scope, items, columns));
      } else {
        Typed value = TRY(expressions_.analyze(*item.value, scope));
        const bool unknown = value.type == Type::kUnknown;
        TRY(coercion_.settle(value));
        columns.push_back({item.name ? *item.name : figure_name(*item.value), value.type, unknown});
        items.push_back(std::move(value));
      }
      if (items.size() > kTargetsMax) {
        return coercion_.error(kStatementTooComplex, "target lists can have at most 1664 entries",
                               item.value->begin);
      }
    }
    return {};
  }

  // * or t.*
  runtime::Result<void> expand(const Expression& star, Scope& scope, std::vector<Typed>& items,
                               std::vector<AnalyzedColumn>& columns) {
    bool found = false;
    for (const Source& source : scope.sources) {
      if (!star.names.empty() && source.name != star.names.back()) continue;
      found = true;
      for (const Source::Column& column : source.columns) {
        if (column.merged && star.names.empty()) continue;
        if (std::find(scope.group_sql.begin(), scope.group_sql.end(), column.sql) ==
            scope.group_sql.end()) {
          scope.ungrouped.push_back({source.name + "." + column.name, star.begin});
        }
        items.push_back({.sql = column.sql, .type = column.type, .begin = star.begin});
        columns.push_back({column.name, column.type, false});
      }
    }
    if (found) return {};
    if (star.names.empty()) {
      return coercion_.error(wire::kSyntaxError, "SELECT * with no tables specified is not valid",
                             star.begin);
    }
    return coercion_.error(
        kUndefinedTable,
        runtime::format("missing FROM-clause entry for table \"{}\"", star.names.back()),
        star.begin);
  }

  runtime::Result<std::string> order_of(const Query& query, Scope& scope,
                                        const std::vector<AnalyzedColumn>& columns) {
    std::string sql;
    for (const OrderItem& item : query.order_by) {
      const auto ordinal = TRY(ordinal_of(coercion_, *item.value, columns, "ORDER BY"));
      std::string term;
      if (ordinal) {
        term = std::to_string(*ordinal);
      } else {
        Typed value = TRY(expressions_.analyze(*item.value, scope));
        TRY(coercion_.settle(value));
        // A constant would be a column's number to SQLite.
        term = "(" + value.sql + ")";
      }
      sql += (sql.empty() ? " ORDER BY " : ",") + order_term(term, item);
    }
    return sql;
  }

  Coercion& coercion_;
  ExpressionAnalysis expressions_;
  FromAnalysis from_;
  int next_with_ = 0;
  int queries_ = 0;
};

}  // namespace

runtime::Result<AnalyzedQuery> analyze_query(Coercion& coercion, const Catalog& catalog,
                                             const FunctionTable& functions, int version,
                                             const Query& query) {
  QueryAnalysis analysis(coercion, catalog, functions, version);
  return analysis.query(query, nullptr);
}

}  // namespace server::console
