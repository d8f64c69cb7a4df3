#include "server/console/database.h"

#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/console/arrays.h"
#include "server/console/errors.h"
#include "server/console/server_text.h"
#include "server/console/sqlite_values.h"

namespace server::console {

namespace {

constexpr int kLookEveryOperations = 5000;  // of SQLite's machine: some 100 microseconds

void call_function(sqlite3_context* context, int count, sqlite3_value** values) {
  auto& callable = *static_cast<Database::Callable*>(sqlite3_user_data(context));
  std::vector<Value> arguments;
  for (int i = 0; i < count; ++i) arguments.push_back(value_of(values[i]));
  auto result = callable.database.call(callable.function, arguments);
  if (result) return set_result(context, *result);
  if (Run* run = callable.database.current(); run != nullptr && !run->error) {
    run->error = std::move(result).error();
  }
  sqlite3_result_error(context, "a function has failed", -1);
}

// array_agg: the elements so far, in a block that SQLite zeroes and frees.
struct Gathered {
  ArrayElements* elements;
};
Gathered* gathered(sqlite3_context* context, int bytes) {
  return static_cast<Gathered*>(sqlite3_aggregate_context(context, bytes));
}
void gather(sqlite3_context* context, int, sqlite3_value** values) {
  Gathered* state = gathered(context, sizeof(Gathered));
  if (state == nullptr) return sqlite3_result_error_nomem(context);
  if (state->elements == nullptr) state->elements = new ArrayElements();
  const Value value = value_of(values[0]);
  state->elements->emplace_back();
  if (!is_null(value)) state->elements->back() = std::get<std::string>(value);
}
void give_gathered(sqlite3_context* context) {
  Gathered* state = gathered(context, 0);
  if (state == nullptr || state->elements == nullptr) return sqlite3_result_null(context);
  set_result(context, Value(write_array(*state->elements)));
  delete state->elements;
  state->elements = nullptr;
}

}  // namespace

Database::Database(const Options& options, const Catalog& catalog, const FunctionTable& functions)
    : options_(options), catalog_(catalog), operators_(operator_functions()) {
  sqlite3_hard_heap_limit64(static_cast<sqlite3_int64>(options.heap_bytes_max));
  CHECK(sqlite3_open_v2(":memory:", &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY,
                        nullptr) == SQLITE_OK);
  // Nothing that is sorted goes to a file.
  CHECK(sqlite3_exec(handle_, "PRAGMA temp_store = 2", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_limit(handle_, SQLITE_LIMIT_LENGTH, static_cast<int>(options.value_bytes_max));
  sqlite3_limit(handle_, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(handle_, SQLITE_LIMIT_WORKER_THREADS, 0);
  for (const Function& function : operators_) add_function(std::string(function.name), function);
  for (std::size_t i = 0; i < functions.all().size(); ++i) {
    add_function(FunctionTable::sqlite_name(i), functions.all()[i]);
  }
  CHECK(sqlite3_create_function_v2(handle_, "pg_array_agg", 1, SQLITE_UTF8, nullptr, nullptr,
                                   gather, give_gathered, nullptr) == SQLITE_OK);
  CHECK(sqlite3_set_authorizer(handle_, authorize, this) == SQLITE_OK);
  sqlite3_progress_handler(handle_, kLookEveryOperations, look, this);
}

Database::~Database() { sqlite3_close_v2(handle_); }

void Database::add_function(const std::string& name, const Function& function) {
  callables_.push_back(std::make_unique<Callable>(Callable{*this, function}));
  CHECK(sqlite3_create_function_v2(handle_, name.c_str(), -1, SQLITE_UTF8, callables_.back().get(),
                                   call_function, nullptr, nullptr, nullptr) == SQLITE_OK);
}

void Database::provide(int version) {
  if (!versions_.insert(version).second) return;
  for (std::size_t i = 0; i < catalog_.all().size(); ++i) {
    tables_.push_back(
        std::make_unique<HostedTable>(HostedTable{*this, *catalog_.all()[i], version}));
    CHECK(sqlite3_create_module_v2(handle_, module_name(i, version).c_str(),
                                   &virtual_table_module(), tables_.back().get(),
                                   nullptr) == SQLITE_OK);
  }
}

runtime::Result<Value> Database::call(const Function& function, std::span<const Value> arguments) {
  CHECK(current_ != nullptr);
  if (function.strict) {
    for (const Value& argument : arguments) {
      if (is_null(argument)) return Value();
    }
  }
  if (function.verb && !may_administer(*current_->session)) {
    return runtime::Error{
        .kind = &runtime::kNoPermission,
        .what = runtime::format("permission denied for function {}", function.name)};
  }
  if (function.verb && options_.verbs == nullptr) {
    return runtime::Error{
        .kind = &wire::kFeatureNotSupported,
        .what = runtime::format("function {} is not supported by this server", function.name)};
  }
  CallContext context{*current_->snapshot, *current_->session, options_.verbs, current_->now,
                      options_.value_bytes_max};
  return function.call(context, arguments);
}

int Database::authorize(void* self, int action, const char*, const char*, const char*,
                        const char*) {
  if (static_cast<Database*>(self)->is_declaring_) return SQLITE_OK;
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    default:
      return SQLITE_DENY;
  }
}

// Not 0: the statement is to end.
int Database::look(void* self) {
  const Database& database = *static_cast<Database*>(self);
  Run* run = database.current_;
  if (run == nullptr) return 0;
  run->timed_out = database.options_.clock.now() >= run->deadline;
  return run->timed_out || run->session->cancel_requested.load() ? 1 : 0;
}

runtime::Error Database::error(int code, Run& run) const {
  if (run.error) return *std::exchange(run.error, std::nullopt);
  switch (code & 0xFF) {
    case SQLITE_INTERRUPT:
      return {.kind = &wire::kQueryCanceled,
              .what = run.timed_out ? "canceling statement due to statement timeout"
                                    : "canceling statement due to user request"};
    case SQLITE_NOMEM:
      return {.kind = &wire::kOutOfMemory,
              .what = "out of memory",
              .detail = "The statements of all clients of the console have used its memory up."};
    case SQLITE_TOOBIG:
      return {.kind = &wire::kConfigurationLimitExceeded, .what = "the value would be too long"};
    default:
      break;
  }
  const std::string_view said = sqlite3_errmsg(handle_);
  if (said == "integer overflow") return {.kind = &kOutOfRange, .what = "bigint out of range"};
  if (said.find("too many") != said.npos || said.find("too large") != said.npos) {
    return {.kind = &kStatementTooComplex, .what = std::string(said)};
  }
  // What the analysis lets through and SQLite cannot do.
  return {.kind = &wire::kFeatureNotSupported,
          .what = "walcast's console cannot run this statement",
          .detail = runtime::format("SQLite says: {}.", said)};
}

}  // namespace server::console
