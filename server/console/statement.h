#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/console/answer.h"
#include "server/console/types.h"

namespace server::console {

// A statement that was read and checked. Only what its kind needs has a value.
class Statement {
 public:
  enum class Kind {
    kEmpty,
    kQuery,  // `sql` runs in SQLite
    kShow,   // `name`
    kShowAll,
    kSet,    // `name`, `value`
    kReset,  // `name`; empty: ALL
    kBegin,
    kCommit,
    kRollback,
    kReload,
    kNothing,  // it is answered by its tag alone
  };

  Kind kind = Kind::kEmpty;
  std::string tag;  // of CommandComplete; of a SELECT the count of rows follows
  std::string sql;
  std::string name;
  std::string value;
  int version = 0;  // whose columns it has
  std::vector<ResultColumn> columns;
  std::vector<Type> column_types;
  std::vector<Type> parameters;
  std::vector<std::uint32_t> parameter_types;

  void add_column(std::string column, Type type) {
    columns.push_back(
        {.name = std::move(column), .type = info(type).oid, .type_bytes = info(type).bytes});
    column_types.push_back(type);
  }
};

}  // namespace server::console
