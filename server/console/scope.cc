#include "server/console/scope.h"

#include "runtime/format.h"
#include "server/console/errors.h"

namespace server::console {

namespace {

struct Found {
  const Source* source = nullptr;
  const Source::Column* column = nullptr;
  bool ambiguous = false;
};

Found find_in(const Scope& scope, std::string_view table, std::string_view name) {
  Found found;
  for (const Source& source : scope.sources) {
    if (!table.empty() && source.name != table) continue;
    for (const Source::Column& column : source.columns) {
      if (column.name != name || (table.empty() && column.merged)) continue;
      found.ambiguous = found.column != nullptr;
      if (found.ambiguous) return found;
      found.source = &source;
      found.column = &column;
    }
  }
  return found;
}

}  // namespace

const Source* Scope::find_source(std::string_view name) const {
  for (const Source& source : sources) {
    if (source.name == name) return &source;
  }
  return nullptr;
}

const AnalyzedQuery* Scope::find_with(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer) {
    if (const auto at = scope->with.find(name); at != scope->with.end()) return &at->second;
  }
  return nullptr;
}

runtime::Result<Typed> find_column(const Coercion& coercion, Scope& scope,
                                   const std::vector<std::string>& names, std::size_t begin) {
  const std::string_view name = names.back();
  const std::string_view table = names.size() > 1 ? names[names.size() - 2] : std::string_view{};
  bool table_found = false;
  for (const Scope* at = &scope; at != nullptr; at = at->outer) {
    const Found found = find_in(*at, table, name);
    if (found.ambiguous) {
      return coercion.error(kAmbiguousColumn,
                            runtime::format("column reference \"{}\" is ambiguous", name), begin);
    }
    if (found.column != nullptr) {
      if (at == &scope && scope.groups && !scope.in_aggregate) {
        scope.ungrouped.push_back({found.source->name + "." + found.column->name, begin});
      }
      return Typed{.sql = found.column->sql, .type = found.column->type, .begin = begin};
    }
    if (!table.empty() && at->find_source(table) != nullptr) {
      table_found = true;
      break;
    }
  }
  if (table.empty()) {
    return coercion.error(kUndefinedColumn, runtime::format("column \"{}\" does not exist", name),
                          begin);
  }
  if (table_found) {
    return coercion.error(kUndefinedColumn,
                          runtime::format("column {}.{} does not exist", table, name), begin);
  }
  return coercion.error(
      kUndefinedTable, runtime::format("missing FROM-clause entry for table \"{}\"", table), begin);
}

}  // namespace server::console
