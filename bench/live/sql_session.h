#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/result.h"

struct pg_conn;

namespace bench::live {

// Whatever a server, or the way to it, has against a session or a statement, in libpq's words.
inline constexpr runtime::ErrorKind kSqlFailed{"sql_failed", "38000"};

// A libpq connection for ordinary SQL, which blocks.
//   Owner: the object that asks.  Thread: the owner's.
class SqlSession {
 public:
  using Row = std::vector<std::optional<std::string>>;

  // `application_name` goes before the conninfo's.
  static runtime::Result<SqlSession> connect(const std::string& conninfo,
                                             const std::string& application_name);

  // One or several statements in one message; the rows of the last one that has any.
  runtime::Result<std::vector<Row>> run(const std::string& text);
  // The one value that a statement answers. An error if it is NULL or there is none.
  runtime::Result<std::string> value(const std::string& text);
  // Whether the session is in a transaction that has not failed.
  bool is_in_transaction() const;
  // The server's process for this session, as the server has it.
  int backend_pid() const;
  // The connection's descriptor, which stays the session's.
  int socket() const;

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  explicit SqlSession(std::unique_ptr<pg_conn, Finish> connection)
      : connection_(std::move(connection)) {}
  runtime::Error error(const std::string& text) const;

  std::unique_ptr<pg_conn, Finish> connection_;
};

// The conninfo for "HOST:PORT", or "[::1]:PORT", as `user`; anything with '=' or "://" in it is a
// conninfo already. None if it is neither.
std::optional<std::string> conninfo_of(const std::string& target, const std::string& user);

}  // namespace bench::live
