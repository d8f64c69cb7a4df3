#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/clock.h"
#include "runtime/doorbell.h"
#include "runtime/published.h"
#include "runtime/result.h"
#include "server/source/host_connector.h"
#include "server/source/host_round.h"
#include "server/source/interruptible_wait.h"

namespace server::source {

// Questions in SQL to a primary, on a connection of their own, which is made when it is needed and
// lasts until disconnect().
//   Owner: PrimaryRoles.  Thread: the owner's, which must be one that may block. Calls return
//   wire::kQueryCanceled as soon as another thread has set `stop` and rung the doorbell.
//   Errors: kUpstreamLost with libpq's words, or if no host is of the cluster that is meant,
//   kUpstreamRefused with the server's,
//   kUpstreamValueRefused if it was the parameter that the server did not take, and
//   kUpstreamRowRefused if the server failed at the rows of this parameter. Behind all but the last
//   two there is no connection.
//   Borrows: the clock, the doorbell and `stop`.
//   Limits: `timeout` for all of a question, its connection included. One address has its share of
//   what is left, and no more than the conninfo's connect_timeout. What the answer has in bytes is
//   up to the server.
class PrimaryQuery {
 public:
  struct Options {
    std::string conninfo;
    // Stronger than the conninfo's, where they are not empty.
    std::string dbname = {};
    std::string user = {};
    // Settings for the server as libpq's `options` has them, behind the conninfo's own.
    std::string options = {};
    // Where neither `dbname` nor the conninfo says; libpq would take the user's name.
    std::string default_dbname = "postgres";
    // The cluster that is meant; none: any. A host of another one is passed over, as one that does
    // not answer, and is asked nothing else.
    std::optional<std::uint64_t> system_identifier = {};
    runtime::Duration timeout{};
  };
  // A value of a row, none if it is NULL. Valid as long as the call that it is given to.
  struct Value {
    std::string_view column;
    std::optional<std::string_view> value;
  };
  using TakeRow = std::function<runtime::Result<void>(std::span<const Value> row)>;

  PrimaryQuery(Options options, const runtime::Clock& clock, runtime::Doorbell& doorbell,
               const runtime::Published<bool>& stop);
  ~PrimaryQuery() = default;
  PrimaryQuery(const PrimaryQuery&) = delete;
  PrimaryQuery& operator=(const PrimaryQuery&) = delete;

  // Asks `text`, whose $1 is `parameter`, and calls `take` with each row, until one is refused. A
  // connection that is found broken is made anew once.
  runtime::Result<void> ask(const std::string& text, const std::string& parameter,
                            const TakeRow& take);
  void disconnect() { connection_.reset(); }
  bool is_connected() const { return connection_ != nullptr; }
  // "host=... port=...", of the server that is connected. REQUIRES: is_connected().
  std::string server() const;

 private:
  using Settings = HostConnector::Settings;
  using Parameters = std::span<const char* const>;

  runtime::Result<void> connect(runtime::Instant deadline);
  runtime::Result<void> try_host(const HostRound& round, const HostRound::Attempt& attempt,
                                 runtime::Instant deadline);
  runtime::Result<void> check_cluster(std::uint64_t expected, runtime::Instant deadline);
  Settings settings_for(const Conninfo& conninfo) const;
  runtime::Duration time_of_next(const HostRound& round, runtime::Instant deadline) const;
  runtime::Result<void> ask_once(const std::string& text, Parameters parameters,
                                 runtime::Instant deadline, const TakeRow& take);
  runtime::Result<void> wait(bool for_room, runtime::Instant deadline);
  runtime::Result<void> read_results(runtime::Instant deadline, const TakeRow& take);
  runtime::Error lost() const;

  const Options options_;
  const runtime::Clock& clock_;
  const InterruptibleWait wait_;
  HostConnector connector_;
  HostConnector::Connection connection_;
  std::optional<Host> answered_;  // the host that has answered last, as the conninfo has it
};

}  // namespace server::source
