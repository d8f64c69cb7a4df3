#include "server/client/status.h"

#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/json.h"
#include "runtime/print.h"
#include "server/client/report.h"

namespace server::client {

namespace {

struct Section {
  std::string_view name;  // in JSON
  std::string_view title;
  std::string_view statement;  // what a person reads
  std::string_view relation;   // all of which is in JSON
};

constexpr std::array kSections{
    Section{"upstream", "Upstream", "SELECT * FROM walcast_upstream", "walcast_upstream"},
    Section{"standbys", "Standbys",
            "SELECT pid, application_name, client_addr, state, sent_lsn, flush_lsn, replay_lsn, "
            "replay_lag, sync_state FROM pg_stat_replication ORDER BY application_name, pid",
            "walcast_standbys"},
    Section{"slots", "Replication slots",
            "SELECT slot_name, active, active_pid, restart_lsn, wal_status, safe_wal_size "
            "FROM pg_replication_slots ORDER BY slot_name",
            "pg_replication_slots"},
    Section{"holds", "What keeps WAL", "SELECT * FROM walcast_holds", "walcast_holds"},
    Section{"spool", "WAL on disk", "SELECT * FROM walcast_spool", "walcast_spool"},
    Section{"latency", "Latency", "SELECT * FROM walcast_latency", "walcast_latency"},
    Section{"limits", "Limits", "SELECT * FROM walcast_limits", "walcast_limits"},
    Section{"threads", "", "", "walcast_threads"},
};

// One row is read more easily from top to bottom.
std::string print_fields(const Table& table) {
  Table fields{.columns = {{"field", 0}, {"value", 0}}, .rows = {}};
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    fields.rows.push_back({table.columns[i].name, table.rows.front()[i]});
  }
  return print_table(fields);
}

std::string print_section(const Section& section, const Table& table) {
  std::string text = std::string(section.title) + "\n";
  if (table.rows.empty()) return text + " none\n\n";
  constexpr std::size_t kColumnsOfATable = 9;
  const bool as_fields = table.rows.size() == 1 && table.columns.size() > kColumnsOfATable;
  return text + (as_fields ? print_fields(table) : print_table(table)) + "\n";
}

runtime::Result<std::string> as_text(Connection& connection) {
  const Table version = TRY(connection.ask("SELECT version()"));
  std::string text = std::string(version.value(version.rows.front(), "version")) + "\n\n";
  for (const Section& section : kSections) {
    if (section.statement.empty()) continue;
    text += print_section(section, TRY(connection.ask(std::string(section.statement))));
  }
  text.pop_back();
  return text;
}

runtime::Result<std::string> as_json(Connection& connection) {
  const Table version = TRY(connection.ask("SELECT version()"));
  std::string json =
      "{\"version\": " + runtime::json_string(version.value(version.rows.front(), "version"));
  for (const Section& section : kSections) {
    const Table table = TRY(connection.ask("SELECT * FROM " + std::string(section.relation)));
    json += ",\n " + runtime::json_string(section.name) + ": " + print_json(table);
  }
  return json + "}\n";
}

}  // namespace

int run_status(const Command& command) {
  auto connection = Connection::open(command.place, "walcast status");
  if (!connection) return report(connection.error());
  const auto text = command.json ? as_json(*connection) : as_text(*connection);
  if (!text) return report(text.error());
  const auto printed = runtime::print(stdout, *text);
  return printed ? 0 : report(printed.error());
}

}  // namespace server::client
