#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/console/session_state.h"
#include "server/console/verbs.h"

namespace server::stats {
struct Snapshot;
}

namespace server::console {

// A column of an answer, as RowDescription has it. The table's OID and the attribute number are 0.
struct ResultColumn {
  std::string name;
  std::uint32_t type = 0;        // its OID
  std::int16_t type_bytes = -1;  // typlen; -1 if values differ in length
  std::int32_t type_modifier = -1;
};

enum class Format : std::int16_t { kText = 0, kBinary = 1 };

// The value of a parameter as Bind has it; none is null.
struct Parameter {
  Format format = Format::kText;
  std::optional<std::string_view> value;
};

// One statement of a simple query's string.
struct StatementText {
  std::string_view text;   // without the semicolon; in the string
  std::size_t offset = 0;  // of the text, in bytes from the string's begin
};

// The statements of a simple query's string, in their order; none if it has only blanks and
// comments, which EmptyQueryResponse answers. Strings, quoted names, comments and dollar quotes may
// have semicolons. The error is PostgreSQL's: a quote that does not end (42601).
runtime::Result<std::vector<StatementText>> split_statements(std::string_view query);

class Statement;  // what is known of a statement before its parameters

// A statement that was parsed and analysed (PreparedStatement of prepare.c).
//   Owner: the session that prepared it, and portals.  Thread: the console's; it ends there too.
class Prepared {
 public:
  explicit Prepared(std::unique_ptr<Statement> statement);
  ~Prepared();

  bool empty() const;  // there is no statement: Execute answers EmptyQueryResponse
  // The OID of each parameter's type: as the client said, or else as its place asks for.
  std::span<const std::uint32_t> parameter_types() const;
  // Empty if it has no rows to answer with (NoData).
  std::span<const ResultColumn> columns() const;
  // Whether it may run in a transaction block that has failed: COMMIT, ROLLBACK.
  bool ends_transaction() const;

  const Statement& statement() const { return *statement_; }

 private:
  std::unique_ptr<Statement> statement_;
};

// Takes one row; a value that is not there is null. The views last for the call.
using RowSink = std::function<void(std::span<const std::optional<std::string_view>> values)>;

// How far a fetch has come.
struct Fetched {
  bool suspended = false;  // more rows may follow: PortalSuspended, or just the next fetch
  std::string tag;         // else: of CommandComplete, "SELECT 3"; empty for an empty statement
};

class Engine;
class Execution;  // a statement that runs

// A statement with its parameters, on its way through its rows.
//   Owner: the session that bound it.  Thread: the console's; it ends there too.
//   Borrows: the engine and the session's state, which outlive it.
//   Invariant: all its rows are of one snapshot, that of the first fetch.
class Portal {
 public:
  explicit Portal(std::unique_ptr<Execution> execution);
  ~Portal();

  std::span<const ResultColumn> columns() const;
  std::span<const Format> formats() const;  // one for each column

  // The next rows: at most `rows_max` of them (0: all), and no more once `bytes_max` of values have
  // gone (0: all). After the end there are none, and the tag is of none, as in PostgreSQL. An error
  // ends the portal: 57014 at the limit of time or a cancel, 53200 at that of memory.
  runtime::Result<Fetched> fetch(std::int64_t rows_max, std::size_t bytes_max, const RowSink& sink);

 private:
  std::unique_ptr<Execution> execution_;
};

// SQL over what the server knows of itself: PostgreSQL's statements, as far as tools and people
// send them to a walsender, read, checked and handed to SQLite in its own spelling. SQLite has no
// file, and its tables are snapshots (relations.h). Only verbs (verbs.h) change anything.
//   Owner: ConsoleThread.  Thread: the console's, all of it, from its construction on.
//   Borrows: what Options names, all of which outlive it.
//   Limits: those of Options, for each statement; SQLite's heap for all together.
class Engine {
 public:
  struct Options {
    // The latest picture of the server. May block for a moment. Never null.
    std::function<std::shared_ptr<const stats::Snapshot>()> snapshot;
    AdminVerbs* verbs = nullptr;  // null: verbs answer that they are not there (0A000)
    const runtime::Clock* clock = nullptr;
    runtime::Duration time_max = std::chrono::seconds(5);  // of one statement, its fetches together
    std::size_t heap_bytes_max = std::size_t{64} << 20;    // of SQLite
    std::size_t statement_bytes_max = std::size_t{256} << 10;
    std::size_t value_bytes_max = std::size_t{1} << 20;
  };

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
