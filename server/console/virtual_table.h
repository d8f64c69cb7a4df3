#pragma once

#include <sqlite3.h>

#include "server/console/relation.h"
#include "server/console/run.h"

namespace server::console {

// What tables of SQLite know of the database that they are in.
class TableHost {
 public:
  virtual ~TableHost() = default;
  // The run whose statement is being stepped; null: none is.
  virtual Run* current() const = 0;
  // SQLite declares a table for itself, which no statement has asked for.
  virtual void set_declaring(bool declaring) = 0;
};

// A relation as a table, which outlives its use by SQLite.
struct HostedTable {
  TableHost& host;
  const Relation& relation;
  int version;
};

// The methods of a table whose client data is a HostedTable (https://www.sqlite.org/vtab.html,
// "Eponymous-only virtual tables").
const sqlite3_module& virtual_table_module();

}  // namespace server::console
