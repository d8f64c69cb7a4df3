#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/source/conninfo.h"
#include "server/source/interruptible_wait.h"
#include "server/source/name_lookup.h"

struct pg_conn;

namespace server::source {

// Makes one connection by libpq, within a time (libpqwalreceiver.c, libpqrcv_connect).
// libpq has no time limit but in its blocking calls, looks names up itself if it gets no address,
// and goes no further when a host ends the connection before it is made, as a proxy without a
// server behind it does; so it gets one address at a time.
//   Owner: Upstream, or PrimaryQuery.  Thread: the owner's.
//   Borrows: clock and wait.
class HostConnector {
 public:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  using Connection = std::unique_ptr<pg_conn, Close>;
  // Options of a connection by libpq's names, which are stronger than those of a conninfo.
  using Settings = std::vector<std::pair<std::string, std::string>>;

  HostConnector(const runtime::Clock& clock, const InterruptibleWait& wait)
      : clock_(clock), wait_(wait), names_(clock, wait) {}

  runtime::Result<std::vector<Host>> addresses_of(const Host& host, runtime::Duration at_most) {
    return names_.addresses_of(host, at_most);
  }
  // A connection that does not block, if the server is as `session_attrs` says, and if it is made
  // before `at_most` has passed; zero: there is no limit. kUpstreamLost, in libpq's words.
  // REQUIRES: the host has an address, or no name to look up.
  runtime::Result<Connection> connect(const Conninfo& conninfo, const Host& host,
                                      const std::string& session_attrs, const Settings& settings,
                                      runtime::Duration at_most);

 private:
  runtime::Result<void> finish(pg_conn* connection, runtime::Duration at_most);

  const runtime::Clock& clock_;
  const InterruptibleWait& wait_;
  NameLookup names_;
};

}  // namespace server::source
