#include "server/console/virtual_table.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/format.h"
#include "server/console/sqlite_values.h"

namespace server::console {

namespace {

struct VirtualTable {
  sqlite3_vtab base = {};
  HostedTable* table = nullptr;
  int columns = 0;
};

struct Cursor {
  sqlite3_vtab_cursor base = {};
  Run::Rows rows;
  std::size_t at = 0;
};

VirtualTable& table_of(sqlite3_vtab* base) { return *reinterpret_cast<VirtualTable*>(base); }
Cursor& cursor_of(sqlite3_vtab_cursor* base) { return *reinterpret_cast<Cursor*>(base); }

int connect(sqlite3* handle, void* data, int, const char* const*, sqlite3_vtab** made, char**) {
  auto* table = static_cast<HostedTable*>(data);
  const auto columns = static_cast<int>(table->relation.columns(table->version).size());
  std::string sql = "CREATE TABLE x(";
  for (int i = 0; i < columns; ++i) sql += runtime::format("{}c{}", i == 0 ? "" : ",", i);
  for (std::size_t i = 0; i < table->relation.arguments().size(); ++i) {
    sql += runtime::format(",a{} HIDDEN", i);
  }
  table->host.set_declaring(true);
  const int code = sqlite3_declare_vtab(handle, (sql + ")").c_str());
  table->host.set_declaring(false);
  if (code != SQLITE_OK) return code;
  auto connected = std::make_unique<VirtualTable>();
  connected->table = table;
  connected->columns = columns;
  *made = &connected.release()->base;
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* base) {
  delete &table_of(base);
  return SQLITE_OK;
}

// The arguments of a call are constraints on hidden columns; all else SQLite checks by itself.
int best_index(sqlite3_vtab* base, sqlite3_index_info* index) {
  constexpr double kCost = 1000;
  constexpr double kUnusable = 1e12;
  const VirtualTable& table = table_of(base);
  int arguments = 0;
  index->estimatedCost = kCost;
  for (int i = 0; i < index->nConstraint; ++i) {
    const auto& constraint = index->aConstraint[i];
    if (constraint.iColumn < table.columns || constraint.op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
    if (constraint.usable == 0) return SQLITE_CONSTRAINT;
    index->aConstraintUsage[i].argvIndex = constraint.iColumn - table.columns + 1;
    index->aConstraintUsage[i].omit = 1;
    ++arguments;
  }
  index->idxNum = arguments;
  if (arguments == 0 && !table.table->relation.arguments().empty()) {
    index->estimatedCost = kUnusable;
  }
  return SQLITE_OK;
}

int open(sqlite3_vtab*, sqlite3_vtab_cursor** made) {
  *made = &std::make_unique<Cursor>().release()->base;
  return SQLITE_OK;
}

int close(sqlite3_vtab_cursor* base) {
  delete &cursor_of(base);
  return SQLITE_OK;
}

// All rows are made at once, of the snapshot of the run.
int filter(sqlite3_vtab_cursor* base, int, const char*, int count, sqlite3_value** values) {
  Cursor& cursor = cursor_of(base);
  const HostedTable& table = *table_of(base->pVtab).table;
  Run* run = table.host.current();
  cursor.at = 0;
  cursor.rows = nullptr;
  if (run == nullptr) return SQLITE_MISUSE;
  if (count == 0) {
    if (const auto known = run->rows.find(&table.relation); known != run->rows.end()) {
      cursor.rows = known->second;
      return SQLITE_OK;
    }
  }
  std::vector<Value> arguments(table.relation.arguments().size());
  for (int i = 0; i < count; ++i) arguments[static_cast<std::size_t>(i)] = value_of(values[i]);
  auto rows =
      table.relation.rows({*run->snapshot, *run->session, run->now}, table.version, arguments);
  if (!rows) {
    run->error = std::move(rows).error();
    return SQLITE_ERROR;
  }
  cursor.rows = std::make_shared<const std::vector<Row>>(std::move(*rows));
  if (count == 0) run->rows.emplace(&table.relation, cursor.rows);
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* base) {
  ++cursor_of(base).at;
  return SQLITE_OK;
}

int eof(sqlite3_vtab_cursor* base) {
  const Cursor& cursor = cursor_of(base);
  return cursor.rows == nullptr || cursor.at >= cursor.rows->size() ? 1 : 0;
}

int column(sqlite3_vtab_cursor* base, sqlite3_context* context, int index) {
  const Cursor& cursor = cursor_of(base);
  const Row& row = (*cursor.rows)[cursor.at];
  if (index >= 0 && static_cast<std::size_t>(index) < row.size()) {
    set_result(context, row[static_cast<std::size_t>(index)]);
  }
  return SQLITE_OK;
}

int row_id(sqlite3_vtab_cursor* base, sqlite3_int64* id) {
  *id = static_cast<sqlite3_int64>(cursor_of(base).at);
  return SQLITE_OK;
}

}  // namespace

const sqlite3_module& virtual_table_module() {
  static const sqlite3_module module = [] {
    sqlite3_module methods{};
    methods.xConnect = connect;
    methods.xBestIndex = best_index;
    methods.xDisconnect = disconnect;
    methods.xDestroy = disconnect;
    methods.xOpen = open;
    methods.xClose = close;
    methods.xFilter = filter;
    methods.xNext = next;
    methods.xEof = eof;
    methods.xColumn = column;
    methods.xRowid = row_id;
    return methods;
  }();
  return module;
}

}  // namespace server::console
