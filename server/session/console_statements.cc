#include "server/session/console_statements.h"

#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wire/errors.h"

namespace server::session {

using runtime::format;
using runtime::Result;

namespace {

constexpr runtime::ErrorKind kNoStatement{"invalid_sql_statement_name", "26000"};
constexpr runtime::ErrorKind kNoPortal{"invalid_cursor_name", "34000"};
constexpr runtime::ErrorKind kDuplicateStatement{"duplicate_prepared_statement", "42P05"};
constexpr runtime::ErrorKind kDuplicatePortal{"duplicate_cursor", "42P03"};

}  // namespace

Result<const NamedStatement*> ConsoleStatements::find_statement(std::string_view name) const {
  const auto at = statements_.find(name);
  if (at != statements_.end()) return &at->second;
  return runtime::Error{.kind = &kNoStatement,
                        .what = name.empty()
                                    ? "unnamed prepared statement does not exist"
                                    : format("prepared statement \"{}\" does not exist", name)};
}

Result<const NamedPortal*> ConsoleStatements::find_portal(std::string_view name) const {
  const auto at = portals_.find(name);
  if (at != portals_.end()) return &at->second;
  return runtime::Error{.kind = &kNoPortal, .what = format("portal \"{}\" does not exist", name)};
}

Result<void> ConsoleStatements::check_statement_name(std::string_view name) const {
  if (name.empty() || !statements_.contains(name)) return {};
  return runtime::Error{.kind = &kDuplicateStatement,
                        .what = format("prepared statement \"{}\" already exists", name)};
}

Result<void> ConsoleStatements::check_portal_name(std::string_view name) const {
  if (name.empty() || !portals_.contains(name)) return {};
  return runtime::Error{.kind = &kDuplicatePortal,
                        .what = format("cursor \"{}\" already exists", name)};
}

Result<void> ConsoleStatements::add(std::string_view name, NamedStatement statement) {
  return add_to(statements_, kStatementsMax, name, std::move(statement));
}

Result<void> ConsoleStatements::add(std::string_view name, NamedPortal portal) {
  return add_to(portals_, kPortalsMax, name, std::move(portal));
}

// The unnamed one is gone first, whether there is room for the next or not.
template <typename Named>
Result<void> ConsoleStatements::add_to(ByName<Named>& all, std::size_t count_max,
                                       std::string_view name, Named fresh) {
  close_of(all, name);
  const std::size_t bytes = bytes_ + bytes_of(fresh);
  if (all.size() == count_max || bytes > kBytesMax) {
    return runtime::Error{
        .kind = &wire::kOutOfMemory,
        .what = "out of memory",
        .detail = format("A session has at most {} prepared statements and {} portals, and {} kB "
                         "of both.",
                         kStatementsMax, kPortalsMax, kBytesMax / 1024)};
  }
  all.emplace(std::string(name), std::move(fresh));
  bytes_ = bytes;
  return {};
}

template <typename Named>
void ConsoleStatements::close_of(ByName<Named>& all, std::string_view name) {
  const auto at = all.find(name);
  if (at == all.end()) return;
  CHECK(bytes_ >= bytes_of(at->second));
  bytes_ -= bytes_of(at->second);
  all.erase(at);
}

void ConsoleStatements::close_statement(std::string_view name) { close_of(statements_, name); }

void ConsoleStatements::close_portal(std::string_view name) { close_of(portals_, name); }

void ConsoleStatements::close_all_statements() {
  for (const auto& [name, statement] : statements_) bytes_ -= bytes_of(statement);
  statements_.clear();
}

void ConsoleStatements::close_all_portals() {
  for (const auto& [name, portal] : portals_) bytes_ -= bytes_of(portal);
  portals_.clear();
}

}  // namespace server::session
