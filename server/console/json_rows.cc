#include "server/console/json_rows.h"

#include "runtime/format.h"
#include "server/console/typed.h"

namespace server::console {

std::string json_of_row(const Source& source) {
  std::string sql = "json_object(";
  for (const Source::Column& column : source.columns) {
    if (sql.back() != '(') sql += ',';
    sql += quoted_text(column.name) + ',';
    if (column.type == Type::kBool) {
      sql += runtime::format("json(CASE {} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END)",
                             column.sql);
    } else if (column.type == Type::kJson) {
      sql += runtime::format("json({})", column.sql);
    } else if (is_number(column.type) || is_string(column.type)) {
      sql += column.sql;
    } else {
      sql += runtime::format("pg_cast({},{},{})", static_cast<int>(column.type),
                             static_cast<int>(Type::kText), column.sql);
    }
  }
  return sql + ')';
}

}  // namespace server::console
