#pragma once

// What an admin's statements may change. Everything else that the console does only reads.

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/result.h"
#include "server/wal/lsn.h"

namespace server::console {

// The session that asks for a change, as the log names it. It has the right to: the console asks
// its Grants before it calls a verb.
struct Actor {
  std::uint32_t process_id = 0;
  std::string user;
  std::string application_name;
  std::string client;  // its address, with the port
};

struct CreatedSlot {
  std::string name;
  wal::Lsn restart_lsn;  // invalid: it keeps no WAL yet
};

// The verbs of a server. Each logs who asked for what, and what came of it. Errors have
// PostgreSQL's text and SQLSTATE where PostgreSQL has them.
//   Owner: Server.  Thread: the console's; a call may block it for a few seconds, and no longer.
class AdminVerbs {
 public:
  virtual ~AdminVerbs() = default;

  // Has the configuration read again, as SIGHUP does; its errors are logged there.
  virtual runtime::Result<void> reload(const Actor& actor) = 0;
  // Ends a session, or what it does now. Returns false if there is no session of that pid, for
  // which the console warns as PostgreSQL does.
  virtual runtime::Result<bool> terminate(const Actor& actor, std::uint32_t process_id) = 0;
  virtual runtime::Result<bool> cancel(const Actor& actor, std::uint32_t process_id) = 0;
  // A persistent slot, or one that goes with the actor's session.
  virtual runtime::Result<CreatedSlot> create_slot(const Actor& actor, std::string_view name,
                                                   bool reserves_wal, bool temporary) = 0;
  virtual runtime::Result<void> drop_slot(const Actor& actor, std::string_view name) = 0;
  // Logs the memory contexts of the thread that serves that pid; false as above.
  virtual runtime::Result<bool> log_memory_contexts(const Actor& actor,
                                                    std::uint32_t process_id) = 0;
  // Has the standbys of this application_name get no WAL, until they may again. They are asked for
  // replies meanwhile, so that none times out. Returns how many sessions it met.
  virtual runtime::Result<std::int64_t> pause(const Actor& actor, std::string_view standby) = 0;
  virtual runtime::Result<std::int64_t> resume(const Actor& actor, std::string_view standby) = 0;
  // Has WAL come from another primary from now on, by a connection string of libpq.
  virtual runtime::Result<void> switch_upstream(const Actor& actor, std::string_view conninfo) = 0;
};

}  // namespace server::console
