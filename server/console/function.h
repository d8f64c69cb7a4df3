#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/console/relation.h"
#include "server/console/session_state.h"
#include "server/console/types.h"
#include "server/console/verbs.h"

namespace server::console {

// What a function is called with, besides its arguments.
struct CallContext {
  const stats::Snapshot& snapshot;
  SessionState& session;
  AdminVerbs* verbs;  // null: there are none
  std::int64_t now;   // of the statement, in microseconds since 2000-01-01
  std::size_t value_bytes_max;

  ReadContext reading() const { return {snapshot, session, now}; }
};

using Arguments = std::span<const Value>;
using Implementation = runtime::Result<Value> (*)(CallContext& context, Arguments arguments);

// A function as pg_proc has it. Names may stand for several, which differ in their arguments.
struct Function {
  std::string_view name;
  std::vector<Type> arguments;
  Type result;
  Implementation call;
  std::size_t defaults = 0;  // of the last arguments, which are null if they are left out
  bool strict = true;        // null for an argument that is null, without a call
  bool verb = false;         // only for admins
  bool variadic = false;     // the last argument may come any number of times, of any type
};

// Functions of texts and numbers; of the server; that change it. A call's cost is bounded by what
// it is given.
std::vector<Function> value_functions();
std::vector<Function> time_functions();
std::vector<Function> server_functions();
std::vector<Function> verb_functions();
// What operators and casts are made of; SQLite knows these by their names (operators.cc).
std::vector<Function> operator_functions();

}  // namespace server::console
