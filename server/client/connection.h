#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/result.h"
#include "server/client/table.h"

struct pg_conn;

namespace server::client {

// Where the server is: a connection string or URI of libpq, and what is stronger than that. Empty:
// as libpq's environment says, or else localhost, port 5433.
struct Place {
  std::string conninfo;
  std::string host;
  std::string port;
  std::string user;
};

// A normal connection to a walcast, for SQL.
//   Owner: a command of the command line.  Thread: the owner's, which it blocks.
class Connection {
 public:
  // The error has libpq's words, which have the server's.
  static runtime::Result<Connection> open(const Place& place, std::string_view application_name);
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;

  // One statement, by the extended protocol, with its parameters as text. The error has the
  // server's SQLSTATE in its detail.
  runtime::Result<Table> ask(const std::string& statement,
                             std::span<const std::string> parameters = {});
  // Whether another statement may be asked.
  bool is_alive() const;

 private:
  explicit Connection(pg_conn* connection) : connection_(connection) {}

  pg_conn* connection_;
};

}  // namespace server::client
