#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/result.h"
#include "server/console/answer.h"
#include "server/console/database.h"
#include "server/console/engine_options.h"
#include "server/console/prepared.h"
#include "server/console/session_state.h"
#include "server/console/statement.h"

namespace server::console {

// A statement that runs, from its first row to its tag.
//   Owner: Portal.  Thread: the console's.
//   Borrows: the database, the engine's options and the session.
class Execution {
 public:
  struct Setting {
    Database& database;
    const EngineOptions& options;
    SessionState& session;
  };

  Execution(const Setting& setting, std::shared_ptr<const Prepared> prepared,
            std::vector<Value> parameters, std::vector<Format> formats)
      : setting_(setting),
        prepared_(std::move(prepared)),
        parameters_(std::move(parameters)),
        formats_(std::move(formats)) {}
  ~Execution() { sqlite3_finalize(compiled_); }
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  const Statement& statement() const { return prepared_->statement(); }
  std::span<const Format> formats() const { return formats_; }
  runtime::Result<Fetched> fetch(std::int64_t rows_max, std::size_t bytes_max, const RowSink& sink);

 private:
  runtime::Result<void> begin();
  runtime::Result<Fetched> step(std::int64_t rows_max, std::size_t bytes_max, const RowSink& sink);
  // Returns the bytes of the row's values.
  std::size_t give_row(const RowSink& sink);
  runtime::Result<Fetched> give_rows(std::int64_t rows_max, const RowSink& sink);
  runtime::Result<void> run_utility();
  runtime::Result<void> begin_transaction();
  void end_transaction(bool commits);
  runtime::Result<void> reset();
  runtime::Result<void> reload();

  Setting setting_;
  std::shared_ptr<const Prepared> prepared_;
  std::vector<Value> parameters_;
  std::vector<Format> formats_;
  bool begun_ = false;
  bool done_ = false;
  std::string tag_;
  Run run_;
  sqlite3_stmt* compiled_ = nullptr;                // of a query
  std::vector<std::vector<std::string>> own_rows_;  // of SHOW
  std::size_t own_at_ = 0;
  std::int64_t rows_given_ = 0;
};

}  // namespace server::console
