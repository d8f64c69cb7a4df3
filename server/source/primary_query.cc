#include "server/source/primary_query.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/source/conninfo.h"
#include "server/source/errors.h"
#include "server/source/libpq_text.h"

namespace server::source {

using runtime::Duration;
using runtime::Error;
using runtime::Instant;
using runtime::Result;

namespace {

// A value may be a verifier, and libpq frees it as it is.
struct ClearResult {
  void operator()(PGresult* result) const {
    for (int row = 0; row < PQntuples(result); ++row) {
      for (int i = 0; i < PQnfields(result); ++i) {
        ::explicit_bzero(PQgetvalue(result, row, i),
                         static_cast<std::size_t>(PQgetlength(result, row, i)));
      }
    }
    PQclear(result);
  }
};
using QueryResult = std::unique_ptr<PGresult, ClearResult>;

// Any role may call it, on a primary and on a standby. A bigint has no more bits than an
// identifier, whose upper half it shows as negative.
constexpr const char* kClusterQuery =
    "SELECT system_identifier FROM pg_catalog.pg_control_system()";

std::optional<std::uint64_t> read_identifier(std::string_view text) {
  const auto identifier = parse_integer<std::int64_t>(text);
  if (!identifier) return std::nullopt;
  return static_cast<std::uint64_t>(*identifier);
}

Error timed_out() { return {.kind = &kUpstreamLost, .what = "timeout expired"}; }

// A parameter that is not of the server's encoding or type has one of three codes. All other errors
// of classes 21 (cardinality), 22 (data) and P0 (a function's own) are of what the query meets in
// the rows of this parameter.
const runtime::ErrorKind* kind_of(std::string_view sqlstate) {
  if (sqlstate == "22021" || sqlstate == "22P02" || sqlstate == "22P05") {
    return &kUpstreamValueRefused;
  }
  const std::string_view of_class = sqlstate.substr(0, 2);
  const bool of_row = of_class == "21" || of_class == "22" || of_class == "P0";
  return of_row ? &kUpstreamRowRefused : &kUpstreamRefused;
}

Error refused(const PGresult* result) {
  const char* const sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return {.kind = kind_of(sqlstate == nullptr ? "" : sqlstate),
          .what = trimmed(message == nullptr ? PQresultErrorMessage(result) : message)};
}

std::vector<PrimaryQuery::Value> row_of(const PGresult* result, int row) {
  std::vector<PrimaryQuery::Value> values;
  for (int i = 0; i < PQnfields(result); ++i) {
    values.push_back({.column = PQfname(result, i), .value = std::nullopt});
    if (PQgetisnull(result, row, i) != 0) continue;
    const auto size = static_cast<std::size_t>(PQgetlength(result, row, i));
    values.back().value = std::string_view(PQgetvalue(result, row, i), size);
  }
  return values;
}

}  // namespace

PrimaryQuery::PrimaryQuery(Options options, const runtime::Clock& clock,
                           runtime::Doorbell& doorbell, const runtime::Published<bool>& stop)
    : options_(std::move(options)),
      clock_(clock),
      wait_(doorbell, stop),
      connector_(clock, wait_) {}

std::string PrimaryQuery::server() const {
  CHECK(is_connected());
  return runtime::format("host={} port={}", PQhost(connection_.get()), PQport(connection_.get()));
}

// A server that was restarted meanwhile has closed the connection that there was.
Result<void> PrimaryQuery::ask(const std::string& text, const std::string& parameter,
                               const TakeRow& take) {
  const Instant deadline = clock_.now() + options_.timeout;
  const char* const parameters[] = {parameter.c_str()};
  bool is_old = is_connected();
  for (;;) {
    if (!is_connected()) TRY(connect(deadline));
    auto asked = ask_once(text, parameters, deadline, take);
    if (asked || asked.error().kind == &kUpstreamValueRefused ||
        asked.error().kind == &kUpstreamRowRefused) {
      return asked;
    }
    disconnect();
    const bool may_repeat = std::exchange(is_old, false) && clock_.now() < deadline &&
                            asked.error().kind == &kUpstreamLost;
    if (!may_repeat) return asked;
  }
}

// To the first host that answers, beginning with the one that has answered last: each question
// would wait anew for a first host that is gone.
Result<void> PrimaryQuery::connect(Instant deadline) {
  Conninfo conninfo = TRY(read_conninfo(options_.conninfo));
  auto& hosts = conninfo.hosts;
  const auto first = answered_ ? std::find(hosts.begin(), hosts.end(), *answered_) : hosts.end();
  if (first != hosts.end()) std::rotate(hosts.begin(), first, hosts.end());
  HostRound round(std::move(conninfo));
  std::optional<Host> tried;
  const auto look_up = [&](const Host& host) -> Result<std::vector<Host>> {
    tried = host;
    auto addresses = connector_.addresses_of(host, time_of_next(round, deadline));
    if (addresses || addresses.error().kind != &kUpstreamLost) return addresses;
    round.note_failure(addresses.error().what);
    return std::vector<Host>();
  };
  for (;;) {
    const auto attempt = TRY(round.next(look_up));
    if (!attempt) return Error{.kind = &kUpstreamLost, .what = round.failures()};
    auto connected = try_host(round, *attempt, deadline);
    if (connected) answered_ = tried;
    if (connected || connected.error().kind != &kUpstreamLost) return connected;
    round.note_failure(connected.error().what);
  }
}

Duration PrimaryQuery::time_of_next(const HostRound& round, Instant deadline) const {
  const auto others = static_cast<Duration::rep>(round.attempts_left());
  const Duration share = std::max((deadline - clock_.now()) / (1 + others), Duration(1));
  const Duration of_host = round.conninfo().host_timeout.value_or(Duration::zero());
  return of_host.count() > 0 ? std::min(of_host, share) : share;
}

PrimaryQuery::Settings PrimaryQuery::settings_for(const Conninfo& conninfo) const {
  const auto given = [&](std::string_view name) -> const std::string* {
    const auto at = std::find_if(conninfo.options.begin(), conninfo.options.end(),
                                 [&](const auto& option) { return option.first == name; });
    return at == conninfo.options.end() ? nullptr : &at->second;
  };
  Settings settings{{"replication", ""}};
  if (!options_.dbname.empty()) {
    settings.emplace_back("dbname", options_.dbname);
  } else if (given("dbname") == nullptr) {
    settings.emplace_back("dbname", options_.default_dbname);
  }
  if (!options_.user.empty()) settings.emplace_back("user", options_.user);
  if (!options_.options.empty()) {
    const std::string* const own = given("options");
    settings.emplace_back("options", (own == nullptr ? "" : *own + " ") + options_.options);
  }
  return settings;
}

Result<void> PrimaryQuery::try_host(const HostRound& round, const HostRound::Attempt& attempt,
                                    Instant deadline) {
  const Duration of_host = time_of_next(round, deadline);
  const Instant host_deadline = clock_.now() + of_host;
  connection_ = TRY(connector_.connect(round.conninfo(), attempt.host, attempt.session_attrs,
                                       settings_for(round.conninfo()), of_host));
  if (!options_.system_identifier) return {};
  auto checked = check_cluster(*options_.system_identifier, host_deadline);
  if (!checked) disconnect();
  return checked;
}

// As a walreceiver does with IDENTIFY_SYSTEM (walreceiver.c, WalReceiverMain), which only
// connections for replication have.
Result<void> PrimaryQuery::check_cluster(std::uint64_t expected, Instant deadline) {
  std::optional<std::uint64_t> identifier;
  TRY(ask_once(kClusterQuery, {}, deadline, [&](std::span<const Value> row) -> Result<void> {
    if (row.size() == 1) identifier = read_identifier(row.front().value.value_or(""));
    return {};
  }));
  if (identifier == expected) return {};
  if (!identifier) {
    return Error{.kind = &kUpstreamLost,
                 .what = runtime::format("{} does not say of which cluster it is", server())};
  }
  return Error{.kind = &kUpstreamLost,
               .what = runtime::format(
                   "database system identifier differs between the primary and standby: that of {} "
                   "is {}, the standby's identifier is {}",
                   server(), *identifier, expected)};
}

Result<void> PrimaryQuery::ask_once(const std::string& text, Parameters parameters,
                                    Instant deadline, const TakeRow& take) {
  if (PQsendQueryParams(connection_.get(), text.c_str(), static_cast<int>(parameters.size()),
                        nullptr, parameters.data(), nullptr, nullptr, /*resultFormat=*/0) == 0) {
    return lost();
  }
  for (int unsent = 1; unsent != 0;) {
    unsent = PQflush(connection_.get());
    if (unsent < 0) return lost();
    if (unsent > 0) TRY(wait(/*for_room=*/true, deadline));
  }
  return read_results(deadline, take);
}

// Answers are taken off the socket while it has no room for the rest of the query.
Result<void> PrimaryQuery::wait(bool for_room, Instant deadline) {
  const Instant now = clock_.now();
  if (now >= deadline) return timed_out();
  const auto events = static_cast<short>(for_room ? POLLIN | POLLOUT : POLLIN);
  const short ready = TRY(wait_.wait(PQsocket(connection_.get()), events, deadline - now));
  const bool came = (ready & ~POLLOUT) != 0;
  if (came && PQconsumeInput(connection_.get()) == 0) return lost();
  return {};
}

// An error is the answer's, whatever rows came before it.
Result<void> PrimaryQuery::read_results(Instant deadline, const TakeRow& take) {
  Result<void> outcome;
  for (;;) {
    while (PQisBusy(connection_.get()) != 0) TRY(wait(/*for_room=*/false, deadline));
    const QueryResult result(PQgetResult(connection_.get()));
    if (result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (PQstatus(connection_.get()) == CONNECTION_BAD) return lost();
    if (status != PGRES_TUPLES_OK) {
      if (status != PGRES_FATAL_ERROR) {
        return Error{.kind = &kUpstreamRefused, .what = "the query returns no rows"};
      }
      outcome = refused(result.get());
    }
    for (int i = 0; outcome && i < PQntuples(result.get()); ++i) {
      outcome = take(row_of(result.get(), i));
    }
  }
  return outcome;
}

Error PrimaryQuery::lost() const {
  return {.kind = &kUpstreamLost, .what = trimmed(PQerrorMessage(connection_.get()))};
}

}  // namespace server::source
