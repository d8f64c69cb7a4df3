#include "bench/live/sql_session.h"

#include <libpq-fe.h>

#include <charconv>
#include <string_view>
#include <utility>

#include "runtime/format.h"

namespace bench::live {

namespace {

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, Clear>;

std::string trimmed(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return std::string(text);
}

std::vector<SqlSession::Row> rows_of(const PGresult* result) {
  std::vector<SqlSession::Row> rows(static_cast<std::size_t>(PQntuples(result)));
  for (int row = 0; row < PQntuples(result); ++row) {
    for (int column = 0; column < PQnfields(result); ++column) {
      auto& value = rows[static_cast<std::size_t>(row)].emplace_back();
      if (PQgetisnull(result, row, column) == 0) value = PQgetvalue(result, row, column);
    }
  }
  return rows;
}

// A value of a conninfo, in its quotes (fe-connect.c, conninfo_parse).
std::string quoted(std::string_view value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

}  // namespace

void SqlSession::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }

runtime::Result<SqlSession> SqlSession::connect(const std::string& conninfo,
                                                const std::string& application_name) {
  // What comes before the conninfo gives way to it.
  const char* const names[] = {"connect_timeout", "dbname", "application_name", nullptr};
  const char* const values[] = {"10", conninfo.c_str(), application_name.c_str(), nullptr};
  SqlSession session(std::unique_ptr<pg_conn, Finish>(PQconnectdbParams(names, values, 1)));
  if (PQstatus(session.connection_.get()) != CONNECTION_OK) return session.error("");
  PQsetNoticeProcessor(
      session.connection_.get(), [](void*, const char*) {}, nullptr);
  return session;
}

runtime::Result<std::vector<SqlSession::Row>> SqlSession::run(const std::string& text) {
  std::vector<Row> rows;
  if (PQsendQuery(connection_.get(), text.c_str()) == 0) return error(text);
  std::optional<runtime::Error> failed;
  while (const Answer answer{PQgetResult(connection_.get())}) {
    switch (PQresultStatus(answer.get())) {
      case PGRES_TUPLES_OK:
        rows = rows_of(answer.get());
        break;
      case PGRES_COMMAND_OK:
      case PGRES_EMPTY_QUERY:
        break;
      case PGRES_COPY_IN:
      case PGRES_COPY_OUT:
      case PGRES_COPY_BOTH:
        return runtime::Error{.kind = &kSqlFailed, .what = "COPY cannot be used here"};
      default:
        if (!failed) failed = error(text);
    }
  }
  if (failed) return *std::move(failed);
  return rows;
}

runtime::Result<std::string> SqlSession::value(const std::string& text) {
  const std::vector<Row> rows = TRY(run(text));
  if (rows.size() != 1 || rows[0].empty() || !rows[0][0].has_value()) {
    return runtime::Error{.kind = &kSqlFailed, .what = "no answer to \"" + text + "\""};
  }
  return *rows[0][0];
}

bool SqlSession::is_in_transaction() const {
  return PQtransactionStatus(connection_.get()) == PQTRANS_INTRANS;
}

int SqlSession::socket() const { return PQsocket(connection_.get()); }

int SqlSession::backend_pid() const { return PQbackendPID(connection_.get()); }

runtime::Error SqlSession::error(const std::string& text) const {
  return {.kind = &kSqlFailed,
          .what = trimmed(PQerrorMessage(connection_.get())),
          .detail = text.substr(0, 200)};
}

std::optional<std::string> conninfo_of(const std::string& target, const std::string& user) {
  if (target.find('=') != target.npos || target.find("://") != target.npos) return target;
  const auto colon = target.rfind(':');
  if (colon == target.npos || colon == 0) return std::nullopt;
  const std::string_view port = std::string_view(target).substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (wrong != std::errc{} || end != port.data() + port.size() || number == 0) return std::nullopt;
  std::string_view host = std::string_view(target).substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return runtime::format("host={} port={} user={} dbname=postgres", quoted(host), number,
                         quoted(user));
}

}  // namespace bench::live
