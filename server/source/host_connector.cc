#include "server/source/host_connector.h"

#include <libpq-fe.h>
#include <poll.h>

#include <utility>

#include "runtime/format.h"
#include "server/source/errors.h"
#include "server/source/libpq_text.h"
#include "server/wire/errors.h"

namespace server::source {

using runtime::format;
using runtime::Instant;
using runtime::Result;

namespace {

runtime::Error lost(std::string what) { return {.kind = &kUpstreamLost, .what = std::move(what)}; }

// As libpq says it where libpq itself waits (emitHostIdentityInfo).
std::string timeout_expired(const PGconn* connection) {
  const std::string host = PQhost(connection);
  const std::string address = PQhostaddr(connection);
  const char* const port = PQport(connection);
  if (host.starts_with('/')) {
    return format("connection to server on socket \"{}/.s.PGSQL.{}\" failed: timeout expired", host,
                  port);
  }
  return format("connection to server at \"{}\", port {} failed: timeout expired",
                address.empty() ? host : address, port);
}

// libpq names a host by its name only if it has looked the name up itself.
std::string with_name(std::string message, const Host& host) {
  if (host.name.empty() || host.address.empty() || host.name == host.address) return message;
  const std::string address = format("at \"{}\",", host.address);
  const std::string both = format("at \"{}\" ({}),", host.name, host.address);
  for (std::size_t at = 0; (at = message.find(address, at)) != std::string::npos;) {
    message.replace(at, address.size(), both);
    at += both.size();
  }
  return message;
}

}  // namespace

void HostConnector::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

// The last value of a name counts: conninfo may change what stands before it, but not what stands
// behind it.
Result<HostConnector::Connection> HostConnector::connect(const Conninfo& conninfo, const Host& host,
                                                         const std::string& session_attrs,
                                                         const Settings& settings,
                                                         runtime::Duration at_most) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  const auto add = [&](const char* name, const char* value) {
    names.push_back(name);
    values.push_back(value);
  };
  add("fallback_application_name", "walcast");
  for (const auto& [name, value] : conninfo.options) add(name.c_str(), value.c_str());
  add("host", host.name.c_str());
  add("hostaddr", host.address.c_str());
  add("port", host.port.c_str());
  add("target_session_attrs", session_attrs.c_str());
  for (const auto& [name, value] : settings) add(name.c_str(), value.c_str());
  add(nullptr, nullptr);
  Connection connection(PQconnectStartParams(names.data(), values.data(), /*expand_dbname=*/0));
  if (connection == nullptr) return lost("out of memory");
  auto finished = finish(connection.get(), at_most);
  if (!finished && finished.error().kind == &kUpstreamLost) {
    return lost(with_name(finished.error().what, host));
  }
  if (!finished) return std::move(finished).error();
  if (PQsetnonblocking(connection.get(), 1) != 0)
    return lost(trimmed(PQerrorMessage(connection.get())));
  return connection;
}

Result<void> HostConnector::finish(pg_conn* connection, runtime::Duration at_most) {
  const Instant deadline = at_most.count() > 0 ? clock_.now() + at_most : Instant::max();
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (PQstatus(connection) != CONNECTION_BAD && next != PGRES_POLLING_OK) {
    const Instant now = clock_.now();
    if (now >= deadline) return lost(timeout_expired(connection));
    const short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    // libpq wants to be called for its socket only, and not for the doorbell.
    if (TRY(wait_.wait(PQsocket(connection), events, deadline - now)) == 0) continue;
    next = PQconnectPoll(connection);
    if (next == PGRES_POLLING_FAILED) break;
  }
  if (PQstatus(connection) != CONNECTION_OK) return lost(trimmed(PQerrorMessage(connection)));
  return {};
}

}  // namespace server::source
