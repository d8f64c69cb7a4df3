#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/tls_channel.h"
#include "server/session/client.h"
#include "server/session/environment.h"

namespace server::session {

// What the log says of one session: that it comes, who it is and that it goes, as log_connections
// and log_disconnections ask for (postmaster.c, BackendInitialize; postinit.c,
// PerformAuthentication; postgres.c, log_disconnections), and what its client does.
//   Owner: Session.  Thread: the session's loop's.
//   Borrows: the environment, and from on_authorized() the client, which is the session's too.
class SessionLog {
 public:
  enum class Kind { kWalsender, kConsole };

  // A connection of this peer ("192.0.2.1:5432" or "[local]") was accepted.
  SessionLog(const SessionEnvironment& environment, std::string address, std::uint32_t process_id,
             runtime::WallMicros started);

  // The session, as the prefix of its lines names it.
  runtime::log::Client client() const;
  // The client has done what the text says. Few such lines are logged of a client that does much.
  void say(std::string_view text) const { environment_.strangers.log(client(), text); }

  void on_tls(const runtime::TlsAgreement& agreed);
  // The client is in.
  void on_authorized(const Client& client, Kind kind);
  // Its connection ends. Does nothing if the client was not let in.
  void on_disconnection() const;

 private:
  SessionEnvironment::Options::Logged wanted() const { return environment_.options.logged; }

  const SessionEnvironment& environment_;
  const std::string address_;
  const std::uint32_t process_id_;
  const runtime::WallMicros started_;
  std::string tls_;                 // in the words of the line that says who the client is
  const Client* client_ = nullptr;  // null: not in yet
};

}  // namespace server::session
