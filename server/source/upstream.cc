#include "server/source/upstream.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "runtime/arrival.h"
#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/timed.h"
#include "server/source/libpq_text.h"
#include "server/wal/format.h"
#include "server/wire/errors.h"

namespace server::source {

using runtime::format;
using runtime::Instant;
using runtime::Result;
using wal::Lsn;
using wal::TimelineId;

namespace {

std::string_view value_at(const PGresult* result, int row, int column) {
  return {PQgetvalue(result, row, column),
          static_cast<std::size_t>(PQgetlength(result, row, column))};
}

runtime::Fail unexpected(std::string_view command) {
  return runtime::Fail({.kind = &wire::kProtocolViolation,
                        .what = format("invalid response from primary server to {}", command)});
}

// SHOW prints a segment size in whole megabytes or gigabytes.
std::optional<wal::SegmentSize> parse_segment_size(std::string_view text) {
  if (text.size() < 3) return std::nullopt;
  const std::string_view unit = text.substr(text.size() - 2);
  const auto number = parse_integer<std::uint32_t>(text.substr(0, text.size() - 2));
  if (!number || *number > 1024 || (unit != "MB" && unit != "GB")) return std::nullopt;
  const std::uint64_t bytes = std::uint64_t{*number} << (unit == "MB" ? 20 : 30);
  if (!wal::SegmentSize::is_valid(bytes)) return std::nullopt;
  return wal::SegmentSize(static_cast<std::uint32_t>(bytes));
}

}  // namespace

void Upstream::ResultDeleter::operator()(pg_result* result) const { PQclear(result); }
void Upstream::FreeMemory::operator()(char* memory) const { PQfreemem(memory); }

Upstream::Upstream(Options options, const runtime::Clock& clock, runtime::Doorbell& doorbell,
                   const runtime::Published<bool>& stop)
    : options_(std::move(options)),
      clock_(clock),
      wait_(doorbell, stop),
      connector_(clock, wait_) {}

Upstream::~Upstream() { disconnect(); }

void Upstream::disconnect() {
  message_.reset();
  PQfinish(std::exchange(connection_, nullptr));
}

Result<void> Upstream::connect(const Conninfo& conninfo, const HostRound::Attempt& attempt,
                               runtime::Duration at_most) {
  disconnect();
  connection_ =
      TRY(connector_.connect(conninfo, attempt.host, attempt.session_attrs,
                             {{"dbname", "replication"}, {"replication", "true"}}, at_most))
          .release();
  if (runtime::kTimed) {
    runtime::note_arrivals(socket());
    arrivals_ = runtime::ArrivalClock();
  }
  return {};
}

std::string Upstream::server() const {
  CHECK(connection_ != nullptr);
  const std::string_view host = PQhost(connection_);
  const std::string_view address = PQhostaddr(connection_);
  if (address.empty() || address == host)
    return format("host={} port={}", host, PQport(connection_));
  return format("host={} hostaddr={} port={}", host, address, PQport(connection_));
}

Place Upstream::place() const {
  CHECK(connection_ != nullptr);
  const std::string_view port = PQport(connection_);
  Place place{.host = PQhost(connection_)};
  std::from_chars(port.data(), port.data() + port.size(), place.port);
  return place;
}

int Upstream::socket() const { return PQsocket(connection_); }

Result<PrimaryInfo> Upstream::identify() {
  const QueryResult result = TRY(query("IDENTIFY_SYSTEM"));
  if (PQntuples(result.get()) != 1 || PQnfields(result.get()) < 3) {
    return unexpected("IDENTIFY_SYSTEM");
  }
  const auto system = parse_integer<std::uint64_t>(value_at(result.get(), 0, 0));
  const auto timeline = parse_integer<std::uint32_t>(value_at(result.get(), 0, 1));
  const auto end = wal::parse_lsn(value_at(result.get(), 0, 2));
  const auto magic = wal::page_magic(PQserverVersion(connection_) / 10000);
  if (!system || !timeline || *timeline == 0 || !end) return unexpected("IDENTIFY_SYSTEM");
  if (!magic) {
    return runtime::Error{.kind = &wire::kFeatureNotSupported,
                          .what = format("WAL of PostgreSQL {} is not supported",
                                         PQserverVersion(connection_) / 10000)};
  }
  const auto segment_size = parse_segment_size(TRY(show("wal_segment_size")));
  if (!segment_size) return unexpected("SHOW wal_segment_size");
  return PrimaryInfo{.identity = {.system_identifier = *system,
                                  .segment_size = *segment_size,
                                  .page_magic = *magic},
                     .timeline = TimelineId{*timeline},
                     .end = *end};
}

Result<wal::ClusterFacts> Upstream::cluster_facts() {
  wal::ClusterFacts facts;
  for (const wal::ClusterFact& fact : wal::cluster_facts()) {
    auto value = show(std::string(fact.name));
    if (!value && value.error().kind != &kUpstreamRefused) return value.error();
    if (value) facts.emplace(fact.name, std::move(*value));
  }
  return facts;
}

Result<std::string> Upstream::history_file(TimelineId timeline) {
  const std::string command = format("TIMELINE_HISTORY {}", wal::value(timeline));
  const QueryResult result = TRY(query(command));
  if (PQntuples(result.get()) != 1 || PQnfields(result.get()) != 2) return unexpected(command);
  return std::string(value_at(result.get(), 0, 1));
}

Result<void> Upstream::create_slot(const std::string& name) {
  const std::string command = format("CREATE_REPLICATION_SLOT \"{}\" PHYSICAL RESERVE_WAL", name);
  const auto created = query(command);
  if (created || created.error().kind == &wire::kDuplicateObject) return {};
  return created.error();
}

Result<Lsn> Upstream::slot_restart_lsn(const std::string& name) {
  const std::string command = format("READ_REPLICATION_SLOT \"{}\"", name);
  const QueryResult result = TRY(query(command));
  if (PQntuples(result.get()) != 1 || PQnfields(result.get()) != 3) return unexpected(command);
  if (PQgetisnull(result.get(), 0, 0) != 0) {
    return no_slot(format("replication slot \"{}\" does not exist", name));
  }
  if (PQgetisnull(result.get(), 0, 1) != 0) return Lsn();
  const auto restart_lsn = wal::parse_lsn(value_at(result.get(), 0, 1));
  if (!restart_lsn) return unexpected(command);
  return *restart_lsn;
}

Result<std::optional<NextTimeline>> Upstream::start_streaming(const std::string& slot, Lsn start,
                                                              TimelineId timeline) {
  const std::string slot_clause = slot.empty() ? "" : format("SLOT \"{}\" ", slot);
  const QueryResult result = TRY(query(
      format("START_REPLICATION {}{} TIMELINE {}", slot_clause, start, wal::value(timeline))));
  if (PQresultStatus(result.get()) == PGRES_COPY_BOTH) return std::optional<NextTimeline>();
  return next_timeline(result.get());
}

Result<Upstream::Received> Upstream::receive() {
  char* bytes = nullptr;
  int size = PQgetCopyData(connection_, &bytes, /*async=*/1);
  const int reads = hides_input() ? 2 : readable_ ? 1 : 0;
  for (int i = 0; size == 0 && i < reads; ++i) {
    readable_ = false;
    if (!consume_input()) return lost(trimmed(PQerrorMessage(connection_)));
    size = PQgetCopyData(connection_, &bytes, /*async=*/1);
  }
  message_.reset(bytes);
  if (size == 0) return Received{};
  if (size == -1) return Received{.stream_ended = true};
  if (size < 0) return lost(trimmed(PQerrorMessage(connection_)));
  return Received{.message = TRY(wire::parse_primary_message(
                      std::as_bytes(std::span(bytes, static_cast<std::size_t>(size)))))};
}

bool Upstream::consume_input() {
  if (runtime::kTimed) {
    const Instant now = clock_.now();
    arrived_ = now - arrivals_.time_in_socket(socket()).value_or(runtime::Duration::zero());
  }
  return PQconsumeInput(connection_) != 0;
}

// Whether bytes may be at hand that poll() does not see: TLS or GSSAPI takes a whole record (16 kB
// at most) off the socket, and hands libpq as much of it as there is room for:
//   1. libpq has the first 3 of the 5 bytes that say how long a message is, and room for 8 kB more.
//   2. The next record is taken off the socket. 8 kB of it go to libpq, and no message is whole.
//   3. libpq knows the length now, and makes room for all of the message. poll() would sleep over
//      the other 8 kB, which a second read gets.
// A second read is enough, for what is left behind it lies behind a message that is whole.
bool Upstream::hides_input() const {
  return PQsslInUse(connection_) != 0 || PQgssEncInUse(connection_) != 0;
}

// A message that came while something was sent is in libpq's memory already, so it is not waited
// for. The same goes for a ring that flush() has answered: the owner looks around once more.
Result<void> Upstream::wait(runtime::Duration at_most) {
  const auto wait = readable_ ? runtime::Duration::zero() : at_most;
  if (TRY(wait_.wait(PQsocket(connection_), POLLIN, wait)) != 0) readable_ = true;
  return {};
}

Result<void> Upstream::pause(runtime::Duration at_most) {
  TRY(wait_.wait(-1, 0, at_most));
  return {};
}

Result<void> Upstream::send(std::span<const std::byte> body) {
  if (PQputCopyData(connection_, reinterpret_cast<const char*>(body.data()),
                    static_cast<int>(body.size())) != 1) {
    return lost(trimmed(PQerrorMessage(connection_)));
  }
  return flush();
}

// After the server's CopyDone, ours lets it go on to the results (libpqrcv_endstreaming). A server
// that stops, or fails, sends none.
Result<std::optional<NextTimeline>> Upstream::finish_streaming() {
  std::optional<NextTimeline> next;
  for (;;) {
    const QueryResult result = TRY(next_result());
    if (result == nullptr) return next;
    switch (PQresultStatus(result.get())) {
      case PGRES_TUPLES_OK:
        next = TRY(next_timeline(result.get()));
        break;
      case PGRES_COPY_IN:
        if (PQputCopyEnd(connection_, nullptr) <= 0) {
          return lost(trimmed(PQerrorMessage(connection_)));
        }
        TRY(flush());
        break;
      case PGRES_COMMAND_OK:
        break;
      default:
        return refused(result.get());
    }
  }
}

Instant Upstream::give_up_time() const {
  return options_.timeout.count() > 0 ? clock_.now() + options_.timeout : Instant::max();
}

Result<void> Upstream::flush() {
  const Instant deadline = give_up_time();
  for (;;) {
    const int left = PQflush(connection_);
    if (left == 0) return {};
    if (left < 0) return lost(trimmed(PQerrorMessage(connection_)));
    if (clock_.now() >= deadline) return lost("terminating walreceiver due to timeout");
    TRY(wait_.wait(PQsocket(connection_), POLLIN | POLLOUT, deadline - clock_.now()));
    readable_ = true;
    if (!consume_input()) return lost(trimmed(PQerrorMessage(connection_)));
  }
}

// Null after the last of a command.
Result<Upstream::QueryResult> Upstream::next_result() {
  const Instant deadline = give_up_time();
  while (PQisBusy(connection_) != 0) {
    if (clock_.now() >= deadline) return lost("terminating walreceiver due to timeout");
    TRY(wait_.wait(PQsocket(connection_), POLLIN, deadline - clock_.now()));
    if (!consume_input()) return lost(trimmed(PQerrorMessage(connection_)));
  }
  return QueryResult(PQgetResult(connection_));
}

// The last result of a command; the one that begins a COPY leaves the connection within it.
Result<Upstream::QueryResult> Upstream::query(const std::string& text) {
  if (PQsendQuery(connection_, text.c_str()) == 0) {
    return lost(trimmed(PQerrorMessage(connection_)));
  }
  TRY(flush());
  QueryResult last;
  for (;;) {
    QueryResult result = TRY(next_result());
    if (result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COPY_BOTH) return result;
    // libpq returns these again and again, until the COPY is ended.
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) return unexpected(text);
    // START_REPLICATION without a stream has rows and then a tag: the rows are what counts.
    const bool has_rows = last != nullptr && PQresultStatus(last.get()) == PGRES_TUPLES_OK;
    if (!has_rows || status == PGRES_FATAL_ERROR) last = std::move(result);
    if (PQstatus(connection_) == CONNECTION_BAD) break;
  }
  if (last == nullptr) return lost(trimmed(PQerrorMessage(connection_)));
  const ExecStatusType status = PQresultStatus(last.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) return refused(last.get());
  return last;
}

Result<std::string> Upstream::show(const std::string& setting) {
  const std::string command = format("SHOW {}", setting);
  const QueryResult result = TRY(query(command));
  if (PQntuples(result.get()) != 1 || PQnfields(result.get()) != 1) return unexpected(command);
  return std::string(value_at(result.get(), 0, 0));
}

Result<std::optional<NextTimeline>> Upstream::next_timeline(const pg_result* result) const {
  if (PQresultStatus(result) != PGRES_TUPLES_OK) return std::optional<NextTimeline>();
  if (PQntuples(result) != 1 || PQnfields(result) != 2) return unexpected("START_REPLICATION");
  const auto timeline = parse_integer<std::uint32_t>(value_at(result, 0, 0));
  const auto begin = wal::parse_lsn(value_at(result, 0, 1));
  if (!timeline || *timeline == 0 || !begin) return unexpected("START_REPLICATION");
  return std::optional(NextTimeline{TimelineId{*timeline}, *begin});
}

runtime::Fail Upstream::lost(std::string what) const {
  return runtime::Fail({.kind = &kUpstreamLost, .what = std::move(what)});
}

runtime::Fail Upstream::refused(const pg_result* result) const {
  if (PQstatus(connection_) == CONNECTION_BAD) {
    return lost(trimmed(PQresultErrorMessage(result)));
  }
  const char* const sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  runtime::Error error{
      .kind = &kUpstreamRefused,
      .what = message == nullptr ? trimmed(PQresultErrorMessage(result)) : std::string(message)};
  const std::string_view code = sqlstate == nullptr ? "" : sqlstate;
  if (code == wire::kDuplicateObject.code) error.kind = &wire::kDuplicateObject;
  if (code == kNoSlot.code) return no_slot(std::move(error.what));
  return runtime::Fail(std::move(error));
}

}  // namespace server::source
