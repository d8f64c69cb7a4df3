#pragma once

#include <sqlite3.h>

namespace server::console {

// The methods of a table of SQLite that is a Database::Table, its client data
// (https://www.sqlite.org/vtab.html, "Eponymous-only virtual tables").
const sqlite3_module& virtual_table_module();

}  // namespace server::console
