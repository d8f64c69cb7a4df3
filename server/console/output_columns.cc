#include "server/console/output_columns.h"

#include "runtime/format.h"
#include "server/console/errors.h"

namespace server::console {

using Kind = Expression::Kind;

std::string column_list(const std::vector<Typed>& values) {
  std::string sql;
  for (std::size_t i = 0; i < values.size(); ++i) {
    sql += runtime::format("{}{} AS c{}", i == 0 ? "" : ",", values[i].sql, i);
  }
  return sql;
}

std::string order_term(std::string_view sql, const OrderItem& item) {
  return runtime::format("{} {} NULLS {}", sql, item.descending ? "DESC" : "ASC",
                         item.nulls_first.value_or(item.descending) ? "FIRST" : "LAST");
}

runtime::Result<std::optional<std::size_t>> ordinal_of(const Coercion& coercion,
                                                       const Expression& expression,
                                                       const std::vector<AnalyzedColumn>& columns,
                                                       std::string_view clause) {
  if (expression.kind == Kind::kNumber) {
    std::size_t number = 0;
    for (const char c : expression.text) {
      if (c < '0' || c > '9' || number > columns.size()) {
        number = 0;
        break;
      }
      number = number * 10 + static_cast<std::size_t>(c - '0');
    }
    if (number == 0 || number > columns.size()) {
      return coercion.error(
          kBadColumnReference,
          runtime::format("{} position {} is not in select list", clause, expression.text),
          expression.begin);
    }
    return std::optional(number);
  }
  if (expression.kind == Kind::kColumn && expression.names.size() == 1) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].name == expression.names[0]) return std::optional(i + 1);
    }
  }
  return std::optional<std::size_t>();
}

}  // namespace server::console
