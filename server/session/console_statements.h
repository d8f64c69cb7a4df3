#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/result.h"
#include "server/console/engine.h"

namespace server::session {

// A statement that Parse has made, by its name.
struct NamedStatement {
  std::shared_ptr<const console::Prepared> prepared;
  std::string text;
};

// A portal that Bind has made, by its name.
struct NamedPortal {
  std::shared_ptr<const console::Prepared> prepared;
  std::shared_ptr<console::Portal> portal;  // also of an Execute that runs
  std::string text;
  std::size_t parameter_bytes = 0;
};

// The prepared statements and portals of a session (prepare.c, portalmem.c). The unnamed one of
// either kind is replaced by the next; a named one is not.
//   Owner: ConsoleTurns.  Thread: the console's.
//   Limits: kStatementsMax statements, kPortalsMax portals, and kBytesMax of both as far as they
//   are known: SQLite has memory of its own for them, which the engine bounds.
class ConsoleStatements {
 public:
  static constexpr std::size_t kStatementsMax = 1000;
  static constexpr std::size_t kPortalsMax = 100;
  static constexpr std::size_t kBytesMax = std::size_t{4} << 20;

  // Valid until the next call that is not const. 26000, 34000: there is none of that name.
  runtime::Result<const NamedStatement*> find_statement(std::string_view name) const;
  runtime::Result<const NamedPortal*> find_portal(std::string_view name) const;
  // Of a named one: 42P05, 42P03 if there is one already.
  runtime::Result<void> check_statement_name(std::string_view name) const;
  runtime::Result<void> check_portal_name(std::string_view name) const;

  // The error of a limit is 53200. REQUIRES: the name may be had.
  runtime::Result<void> add(std::string_view name, NamedStatement statement);
  runtime::Result<void> add(std::string_view name, NamedPortal portal);
  // Nothing, if there is none of that name.
  void close_statement(std::string_view name);
  void close_portal(std::string_view name);
  void close_all_statements();
  // A transaction is over, or has failed.
  void close_all_portals();

  std::size_t bytes() const { return bytes_; }

 private:
  // About what a statement or a portal takes of memory beside its text and values.
  static constexpr std::size_t kUsualBytes = 4 * 1024;

  static std::size_t bytes_of(const NamedStatement& statement) {
    return kUsualBytes + statement.text.size();
  }
  static std::size_t bytes_of(const NamedPortal& portal) {
    return kUsualBytes + portal.text.size() + portal.parameter_bytes;
  }
  template <typename Named>
  using ByName = std::map<std::string, Named, std::less<>>;
  template <typename Named>
  runtime::Result<void> add_to(ByName<Named>& all, std::size_t count_max, std::string_view name,
                               Named fresh);
  template <typename Named>
  void close_of(ByName<Named>& all, std::string_view name);

  ByName<NamedStatement> statements_;
  ByName<NamedPortal> portals_;
  std::size_t bytes_ = 0;
};

}  // namespace server::session
