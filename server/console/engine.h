#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/console/answer.h"
#include "server/console/engine_options.h"
#include "server/console/portal.h"
#include "server/console/prepared.h"
#include "server/console/session_state.h"

namespace server::console {

// One statement of a simple query's string.
struct StatementText {
  std::string_view text;   // without the semicolon; in the string
  std::size_t offset = 0;  // of the text, in bytes from the string's begin
};

// The statements of a simple query's string, in their order; none if it has only blanks and
// comments, which EmptyQueryResponse answers. Strings, quoted names, comments and dollar quotes may
// have semicolons. The error is PostgreSQL's: a quote that does not end (42601).
runtime::Result<std::vector<StatementText>> split_statements(std::string_view query);

// SQL over what the server knows of itself: PostgreSQL's statements, as far as tools and people
// send them to a walsender, read, checked and handed to SQLite in its own spelling. SQLite has no
// file, and its tables are snapshots (relations.h). Only verbs (verbs.h) change anything.
//   Owner: ConsoleThread.  Thread: the console's, all of it, from its construction on.
//   Borrows: what Options names, all of which outlive it.
//   Limits: those of Options, for each statement; SQLite's heap for all together.
class Engine {
 public:
  using Options = EngineOptions;

  explicit Engine(Options options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // One statement, or none. `types` are the OIDs that Parse has, 0 for one that it leaves open.
  // Errors have PostgreSQL's text, SQLSTATE and position; a transaction block that has failed
  // refuses all but its end (25P02).
  runtime::Result<std::shared_ptr<const Prepared>> prepare(SessionState& session,
                                                           std::string_view text,
                                                           std::span<const std::uint32_t> types);
  // `formats` as Bind has them: none, one for all, or one for each column. Values are read here,
  // with PostgreSQL's errors (22P02, 22P03, 08P01).
  runtime::Result<std::unique_ptr<Portal>> bind(SessionState& session,
                                                std::shared_ptr<const Prepared> prepared,
                                                std::span<const Parameter> parameters,
                                                std::span<const Format> formats);

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

// What an error does to the transaction block of a session. The caller says so once per error.
void fail_transaction(SessionState& session);

}  // namespace server::console
