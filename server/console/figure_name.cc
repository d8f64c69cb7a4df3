#include "server/console/figure_name.h"

#include "server/console/types.h"

namespace server::console {

using Kind = Expression::Kind;

std::string figure_name(const Expression& expression) {
  switch (expression.kind) {
    case Kind::kColumn:
    case Kind::kFunction:
      return expression.names.back();
    case Kind::kCast: {
      std::string inner = figure_name(*expression.arguments[0]);
      if (inner != "?column?") return inner;
      const auto type = find_type(std::string_view(expression.type.name));
      return type ? std::string(info(*type).catalog_name) : expression.type.name;
    }
    case Kind::kBool:
      return "bool";
    case Kind::kCase: {
      if (!expression.flag) return "case";
      std::string inner = figure_name(*expression.arguments.back());
      return inner == "?column?" || inner == "bool" ? "case" : inner;
    }
    case Kind::kElement:
      return figure_name(*expression.arguments[0]);
    case Kind::kExtract:
      return "extract";
    case Kind::kExists:
      return "exists";
    case Kind::kArray:
    case Kind::kArrayQuery:
      return "array";
    case Kind::kAtZone:
      return "timezone";
    case Kind::kRow:
      return "row";
    case Kind::kSubquery: {
      const Query* query = expression.query.get();
      while (query->sets) query = query->sets->left.get();
      if (query->select->items.empty()) return "column1";
      const SelectItem& item = query->select->items[0];
      return item.name ? *item.name : figure_name(*item.value);
    }
    default:
      return "?column?";
  }
}

}  // namespace server::console
