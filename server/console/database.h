#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/console/catalog.h"
#include "server/console/function_table.h"
#include "server/console/run.h"
#include "server/console/value.h"
#include "server/console/verbs.h"
#include "server/console/virtual_table.h"

namespace server::console {

// SQLite in memory, with the relations as its tables and the functions as its functions. It reads
// only: there is nothing that could be written, and its authorizer says so too.
//   Owner: Engine.  Thread: the console's.
//   Invariant: current() is the run whose statement is being stepped.
class Database final : private TableHost {
 public:
  struct Options {
    AdminVerbs* verbs;
    const runtime::Clock& clock;
    std::size_t heap_bytes_max;  // of SQLite in this process
    std::size_t value_bytes_max;
  };

  Database(const Options& options, const Catalog& catalog, const FunctionTable& functions);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  sqlite3* handle() const { return handle_; }
  const Options& options() const { return options_; }
  // The relations as that version of PostgreSQL has them can be named from now on.
  void provide(int version);

  Run* current() const override { return current_; }
  void set_current(Run* run) { current_ = run; }
  // Calls a function for the statement that runs.
  runtime::Result<Value> call(const Function& function, std::span<const Value> arguments);

  // What SQLite has run into, as PostgreSQL would say it.
  runtime::Error error(int code, Run& run) const;

  struct Callable {
    Database& database;
    const Function& function;
  };

 private:
  void set_declaring(bool declaring) override { is_declaring_ = declaring; }
  static int authorize(void* self, int action, const char*, const char*, const char*, const char*);
  static int look(void* self);
  void add_function(const std::string& name, const Function& function);

  Options options_;
  const Catalog& catalog_;
  std::vector<Function> operators_;
  std::vector<std::unique_ptr<HostedTable>> tables_;
  std::vector<std::unique_ptr<Callable>> callables_;
  std::set<int> versions_;
  sqlite3* handle_ = nullptr;
  Run* current_ = nullptr;
  bool is_declaring_ = false;
};

}  // namespace server::console
