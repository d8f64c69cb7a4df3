#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/counters.h"
#include "runtime/result.h"
#include "server/session/cancel_keys.h"
#include "server/session/client.h"
#include "server/session/sender_seat.h"
#include "server/settings/settings.h"
#include "server/wire/framer.h"
#include "server/wire/message.h"
#include "server/wire/startup.h"

namespace server::session {

// The begin of a connection: encryption requests, a CancelRequest, or the start-up message with its
// parameters, up to the first ReadyForQuery (ProcessStartupPacket, InitPostgres). A machine of
// steps without I/O: a message in, answers into a writer. Between identify(), after which it is
// known who the client claims to be, and let_in(), there is room for an exchange of messages that
// proves the claim; nothing counts the client, and nothing of its settings is judged, before that.
// An error that PostgreSQL finds behind the authentication comes behind AuthenticationOk, for which
// health checks such as HAProxy's pgsql-check look.
//   Owner: Session, until the client is in or has been sent away.  Thread: the session's loop's.
//   Invariant: take() is called again only after kMore.
//   Limits: each step has its own for a message, in cut(); the start-up packet is kept meanwhile.
class Login {
 public:
  enum class Next {
    kMore,       // the client's next message is wanted
    kIn,         // the writer has all up to ReadyForQuery; take_entry() has the client
    kRefused,    // the writer ends with the FATAL error
    kCancelled,  // it was a CancelRequest, which is not answered
  };

  // What a server has for a client that logs in. A reload may change it between two messages.
  struct Server {
    const settings::Settings& settings;
    std::span<const std::string_view> reported_settings;  // in their order
    std::uint32_t newest_protocol;
    runtime::Gauge& wal_senders;
    std::int64_t max_wal_senders;
    bool out_of_memory = false;  // no more clients are let in, until others have read or gone
  };

  // The client that is in, and what it was given.
  struct Entry {
    Client client;
    SenderSeat seat;
    CancelKey key;
  };

  // With `too_many` the server has no room for this connection, which is said once the client has
  // given its name.
  Login(std::uint32_t process_id, bool too_many) : process_id_(process_id), too_many_(too_many) {}

  // Cuts off the next message as far as this step's rules allow one.
  wire::CutResult cut(std::span<const std::byte> bytes) const {
    return wire::cut_startup_packet(bytes);
  }
  // Takes the body of a whole message. `more_bytes_follow` if the client has sent more already.
  Next take(std::span<const std::byte> body, bool more_bytes_follow, const Server& server,
            wire::MessageWriter& out);

  // REQUIRES: kIn was returned.
  Entry take_entry();
  // Valid as long as this. REQUIRES: kCancelled was returned.
  const wire::CancelRequest& cancel_request() const { return cancel_request_; }

 private:
  Next take_packet(bool more_bytes_follow, const Server& server, wire::MessageWriter& out);
  Next decline(wire::EncryptionRequest::Kind kind, bool more_bytes_follow,
               wire::MessageWriter& out);
  Next identify(const Server& server, wire::MessageWriter& out);
  Next let_in(const Server& server, wire::MessageWriter& out);
  runtime::Result<Client> read_parameters(const settings::Settings& settings,
                                          settings::Notices& notices) const;
  void greet(const Server& server, wire::MessageWriter& out) const;

  const std::uint32_t process_id_;
  const bool too_many_;
  Next outcome_ = Next::kMore;  // of the last message
  bool ssl_answered_ = false;
  bool gss_answered_ = false;
  std::vector<std::byte> packet_;                              // the last one
  wire::CancelRequest cancel_request_;                         // a view of it
  wire::StartupMessage message_{};                             // too
  wire::ReplicationMode mode_ = wire::ReplicationMode::kNone;  // that the message asks for
  Entry entry_;
};

}  // namespace server::session
