#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/console/coercion.h"
#include "server/console/types.h"

namespace server::console {

// A column of an answer, or of what stands in FROM.
struct AnalyzedColumn {
  std::string name;
  Type type = Type::kText;
  bool unknown = false;  // it was a literal or NULL, so that it gives in to any other type
};

// A query as SQLite is to have it: its columns are c0, c1, ... there.
struct AnalyzedQuery {
  std::string sql;
  std::vector<AnalyzedColumn> columns;
  bool is_plain = false;  // a SELECT and no more, as an operand of UNION may be
};

// What stands in FROM under one name.
struct Source {
  struct Column {
    std::string name;
    Type type;
    std::string sql;      // "t3.c0"
    bool merged = false;  // by USING: only its twin of the table before has the bare name
  };
  std::string name;
  std::vector<Column> columns;
};

// What a name means at one place of a query.
//   Owner: QueryAnalysis.  Thread: any.  Borrows: the scope around it.
struct Scope {
  const Scope* outer = nullptr;
  std::vector<Source> sources;
  // The queries of WITH: their sql is the name that they have.
  std::map<std::string, AnalyzedQuery, std::less<>> with;

  // Whether rows are grouped, by what; and the first column that is in no group.
  bool groups = false;
  std::vector<std::string> group_sql;
  bool has_aggregate = false;
  bool in_aggregate = false;
  std::string_view no_aggregates_in;  // "WHERE"; empty: they may stand here
  struct Ungrouped {
    std::string name;
    std::size_t begin;
  };
  std::vector<Ungrouped> ungrouped;

  const Source* find_source(std::string_view name) const;
  const AnalyzedQuery* find_with(std::string_view name) const;
};

// The column of that name, here or in a scope around. The errors are PostgreSQL's: 42703, 42702,
// 42P01 with its hints.
runtime::Result<Typed> find_column(const Coercion& coercion, Scope& scope,
                                   const std::vector<std::string>& names, std::size_t begin);

}  // namespace server::console
