#include "server/client/connection.h"

#include <libpq-fe.h>

#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/errors.h"

namespace server::client {

namespace {

constexpr runtime::ErrorKind kNoConnection{"connection_failure", "08006"};

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};

// libpq's messages end in a newline.
std::string trimmed(const char* text) {
  std::string kept(text == nullptr ? "" : text);
  kept.erase(kept.find_last_not_of('\n') + 1);
  return kept;
}

bool says(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

}  // namespace

// A service, or a host that the environment names, has the port that goes with it.
runtime::Result<Connection> Connection::open(const Place& place,
                                             std::string_view application_name) {
  const std::string name(application_name);
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  const auto set = [&](const char* keyword, const char* value) {
    keywords.push_back(keyword);
    values.push_back(value);
  };
  const bool by_environment = says("PGHOST") || says("PGHOSTADDR") || says("PGSERVICE");
  if (!by_environment) set("host", "localhost");
  if (!by_environment && !says("PGPORT")) set("port", "5433");
  set("dbname", place.conninfo.empty() ? "walcast" : place.conninfo.c_str());
  if (!place.host.empty()) set("host", place.host.c_str());
  if (!place.port.empty()) set("port", place.port.c_str());
  if (!place.user.empty()) set("user", place.user.c_str());
  set("fallback_application_name", name.c_str());
  set("client_encoding", "UTF8");
  set(nullptr, nullptr);
  Connection made(PQconnectdbParams(keywords.data(), values.data(), /*expand_dbname=*/1));
  // What a command has to say of a warning, it says in its own words.
  PQsetNoticeProcessor(
      made.connection_, [](void*, const char*) {}, nullptr);
  if (PQstatus(made.connection_) == CONNECTION_OK) return made;
  return runtime::Error{.kind = &kNoConnection, .what = trimmed(PQerrorMessage(made.connection_))};
}

Connection::~Connection() {
  if (connection_ != nullptr) PQfinish(connection_);
}

Connection::Connection(Connection&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)) {}

bool Connection::is_alive() const { return PQstatus(connection_) == CONNECTION_OK; }

runtime::Result<Table> Connection::ask(const std::string& statement,
                                       std::span<const std::string> parameters) {
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  const std::unique_ptr<PGresult, Clear> result(
      PQexecParams(connection_, statement.c_str(), static_cast<int>(values.size()), nullptr,
                   values.data(), nullptr, nullptr, /*resultFormat=*/0));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    const char* const code = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    return runtime::Error{.kind = is_alive() ? &runtime::kInternal : &kNoConnection,
                          .what = trimmed(PQerrorMessage(connection_)),
                          .detail = code == nullptr ? "" : code};
  }
  Table table;
  for (int column = 0; column < PQnfields(result.get()); ++column) {
    table.columns.push_back({PQfname(result.get(), column), PQftype(result.get(), column)});
  }
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    Table::Row& values_of_row = table.rows.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      const bool is_null = PQgetisnull(result.get(), row, column) != 0;
      auto& value = values_of_row.emplace_back();
      if (!is_null) {
        value.emplace(PQgetvalue(result.get(), row, column),
                      static_cast<std::size_t>(PQgetlength(result.get(), row, column)));
      }
    }
  }
  return table;
}

}  // namespace server::client
