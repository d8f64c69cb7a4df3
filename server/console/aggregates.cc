#include "server/console/aggregates.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/console/function_table.h"

namespace server::console {

namespace {

constexpr std::string_view kAggregates[]{"array_agg", "avg",   "bool_and",   "bool_or",
                                         "count",     "every", "json_agg",   "jsonb_agg",
                                         "max",       "min",   "string_agg", "sum"};

bool sorts(Type type) {
  return !is_array(type) && type != Type::kBool && info(type).category != 'P';
}

// What SQLite is to call, and how.
struct Call {
  const Expression& expression;
  std::vector<Typed>& arguments;
  std::string_view filter;

  Typed made(std::string_view function, Type type) const {
    std::string list;
    for (const Typed& argument : arguments) list += (list.empty() ? "" : ",") + argument.sql;
    return {.sql = runtime::format("{}({}{}){}", function, expression.distinct ? "DISTINCT " : "",
                                   expression.star ? "*" : list, filter),
            .type = type,
            .begin = expression.begin};
  }
};

// Those that make one value of many: an array, a text, JSON. None if it is no such call.
runtime::Result<std::optional<Typed>> gathering(Coercion& coercion, const Call& call, Type type) {
  const std::string& name = call.expression.names.back();
  const bool one = call.arguments.size() == 1;
  if (one && name == "array_agg" && array_of(type)) {
    call.arguments[0] = TRY(coercion.cast(std::move(call.arguments[0]), Type::kText));
    return std::optional(call.made("pg_array_agg", *array_of(type)));
  }
  if (one && (name == "json_agg" || name == "jsonb_agg") && type == Type::kJson) {
    call.arguments[0].sql = runtime::format("json({})", call.arguments[0].sql);
    Typed list = call.made("json_group_array", Type::kJson);
    list.sql = runtime::format("nullif({},'[]')", list.sql);
    return std::optional(std::move(list));
  }
  if (call.arguments.size() == 2 && name == "string_agg" && is_string(type)) {
    TRY(coercion.require(call.arguments[1], Type::kText, "string_agg"));
    return std::optional(call.made("group_concat", Type::kText));
  }
  return std::optional<Typed>();
}

}  // namespace

bool is_aggregate(std::string_view name) {
  return std::find(std::begin(kAggregates), std::end(kAggregates), name) != std::end(kAggregates);
}

runtime::Result<Typed> aggregate(Coercion& coercion, const Expression& call,
                                 std::vector<Typed> arguments, std::string_view filter) {
  const std::string& name = call.names.back();
  const Call made_of{call, arguments, filter};
  const auto made = [&made_of](std::string_view function, Type type) {
    return made_of.made(function, type);
  };
  if (name == "count" && (call.star ? arguments.empty() : arguments.size() == 1)) {
    return made("count", Type::kInt8);
  }
  if (!arguments.empty()) TRY(coercion.settle(arguments[0]));
  const Type type = arguments.empty() ? Type::kUnknown : arguments[0].type;
  const bool one = arguments.size() == 1;
  if (one && (name == "min" || name == "max") && sorts(type)) {
    return made(name, type == Type::kName ? Type::kText : type);
  }
  const bool number = is_number(type) && type != Type::kOid;
  if (one && name == "sum" && number) {
    const bool small = type == Type::kInt2 || type == Type::kInt4;
    return made("sum", small ? Type::kInt8 : type == Type::kInt8 ? Type::kNumeric : type);
  }
  if (one && name == "sum" && type == Type::kInterval) return made("sum", type);
  if (one && name == "avg" && number) {
    const bool real = type == Type::kFloat4 || type == Type::kFloat8;
    return made("avg", real ? Type::kFloat8 : Type::kNumeric);
  }
  if (one && name == "avg" && type == Type::kInterval) {
    Typed mean = made("avg", type);
    mean.sql = runtime::format("CAST(round({}) AS INTEGER)", mean.sql);
    return mean;
  }
  if (one && (name == "bool_and" || name == "every") && type == Type::kBool) {
    return made("min", type);
  }
  if (one && name == "bool_or" && type == Type::kBool) return made("max", type);
  if (auto gathered = TRY(gathering(coercion, made_of, type))) return std::move(*gathered);
  return coercion.error(
      kUndefinedFunction,
      runtime::format("function {} does not exist",
                      call.star ? name + "()" : signature(name, arguments)),
      call.begin,
      "No function matches the given name and argument types. You might need to add explicit "
      "type casts.");
}

}  // namespace server::console
