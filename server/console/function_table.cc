#include "server/console/function_table.h"

#include <algorithm>
#include <utility>

#include "runtime/format.h"
#include "server/console/errors.h"

namespace server::console {

namespace {

// How close the arguments are: none if the function does not take them.
std::optional<int> closeness(const Function& function, std::span<const Typed> arguments) {
  if (function.variadic) return arguments.empty() ? std::nullopt : std::optional(0);
  const std::size_t most = function.arguments.size();
  if (arguments.size() > most || arguments.size() + function.defaults < most) return std::nullopt;
  int close = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Type wanted = function.arguments[i];
    const Type given = arguments[i].type;
    if (given == wanted) {
      close += 3;
    } else if (given == Type::kUnknown) {
      close += is_string(wanted) ? 2 : 1;  // a literal would rather be a text
    } else if (is_array(wanted) && is_array(given)) {
      close += 1;
    } else if (!can_cast(given, wanted, CastContext::kImplicit)) {
      return std::nullopt;
    }
  }
  return close;
}

}  // namespace

std::string signature(std::string_view name, std::span<const Typed> arguments) {
  std::string text = runtime::format("{}(", name);
  for (const Typed& argument : arguments) {
    if (text.back() != '(') text += ", ";
    text += info(argument.type).name;
  }
  return text + ')';
}

FunctionTable::FunctionTable() {
  for (auto* some : {value_functions, time_functions, server_functions, verb_functions}) {
    for (Function& function : some()) functions_.push_back(std::move(function));
  }
}

std::string FunctionTable::sqlite_name(std::size_t index) { return runtime::format("f{}", index); }

bool FunctionTable::has(std::string_view name) const {
  return std::any_of(functions_.begin(), functions_.end(),
                     [name](const Function& function) { return function.name == name; });
}

const Function* FunctionTable::choose(std::string_view name,
                                      std::span<const Typed> arguments) const {
  const Function* best = nullptr;
  int best_close = -1;
  for (const Function& function : functions_) {
    if (function.name != name) continue;
    const auto close = closeness(function, arguments);
    if (close && *close > best_close) {
      best = &function;
      best_close = *close;
    }
  }
  return best;
}

runtime::Result<Typed> FunctionTable::call(Coercion& coercion, std::string_view name,
                                           std::vector<Typed> arguments, std::size_t begin) const {
  const Function* function = choose(name, arguments);
  if (function == nullptr) {
    return coercion.error(
        kUndefinedFunction,
        runtime::format("function {} does not exist", signature(name, arguments)), begin,
        "No function matches the given name and argument types. You might need to add explicit "
        "type casts.");
  }
  std::string sql = sqlite_name(static_cast<std::size_t>(function - functions_.data())) + "(";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    Typed& argument = arguments[i];
    const Type wanted = function->variadic ? Type::kText : function->arguments[i];
    if (is_array(wanted) && is_array(argument.type)) {
      argument.type = wanted;  // arrays are texts
    } else if (!TRY(coercion.coerce(argument, wanted))) {
      argument = TRY(coercion.cast(std::move(argument), wanted));
    }
    if (i > 0) sql += ',';
    sql += argument.sql;
  }
  return Typed{.sql = sql + ')', .type = function->result, .begin = begin};
}

}  // namespace server::console
