#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/clock.h"
#include "runtime/counters.h"
#include "runtime/result.h"
#include "runtime/socket.h"
#include "server/auth/access_policy.h"
#include "server/auth/tls_state.h"
#include "server/session/admissions.h"
#include "server/session/authentication.h"
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
// known who the client claims to be, and let_in(), an Authentication proves the claim; nothing
// counts the client, and nothing of its settings is judged, before that.
// A physical walsender and, where the server has a console, a normal connection are let in. To hba
// rules the database of all of the latter is `walcast`, whatever its client calls it.
// An error that PostgreSQL finds behind the authentication comes behind AuthenticationOk, for which
// health checks such as HAProxy's pgsql-check look.
//   Owner: Session, until the client is in or has been sent away.  Thread: the session's loop's.
//   Invariant: take() and take_answer() are called again only after kMore; the second once
//     authenticates() is true. on_answer(), on_role() and on_checked() follow kLookUp, kAskRole
//     and kCheck.
//   Limits: each step has its own for a message, in cut(); the start-up packet is kept meanwhile.
class Login {
 public:
  enum class Next {
    kMore,       // the client's next message is wanted
    kLookUp,     // question() is to be answered, outside of the loop
    kAskRole,    // role_question() is to be asked
    kCheck,      // take_check() is to be run, outside of the loop
    kTls,        // a handshake is to follow the writer's byte; set_tls() has its end
    kIn,         // the writer has all up to ReadyForQuery; take_entry() has the client
    kRefused,    // the writer ends with the FATAL error, if the client is to know; log_line()
    kCancelled,  // it was a CancelRequest, which is not answered
  };

  // What a server has for a client that logs in. A reload may change it between two messages.
  struct Server {
    const settings::Settings& settings;
    std::span<const std::string_view> reported_settings;  // in their order
    std::uint32_t newest_protocol;
    runtime::Gauge& wal_senders;
    std::int64_t max_wal_senders;
    bool offers_tls = false;     // on this connection
    bool out_of_memory = false;  // no more clients are let in, until others have read or gone
    std::shared_ptr<const auth::AccessPolicy> policy = auth::AccessPolicy::open();
    Admissions::Place* place = nullptr;         // the connection's among all, if they are counted
    runtime::Gauge* console_clients = nullptr;  // null: normal connections are not taken
    std::int64_t max_console_connections = 0;   // 0 too
    int major_version = 15;                     // of the server that the answers are like
    runtime::WallMicros now{};
  };

  // Where the client has come from.
  struct Peer {
    runtime::SocketAddress address = {};
    std::int64_t uid = -1;                                // of a Unix socket's
    std::shared_ptr<const auth::TlsState> tls = nullptr;  // null: no TLS
  };

  // The client that is in, and what it was given.
  struct Entry {
    Client client;
    SenderSeat seat;
    CancelKey key;
    bool is_console = false;  // the connection is a normal one, and no walsender's
  };

  // With `too_many` the server has no room for this connection, which is said once the client has
  // given its name.
  Login(std::uint32_t process_id, bool too_many, const Peer& peer)
      : process_id_(process_id), too_many_(too_many), peer_(peer) {}

  // The handshake is done, that of kTls or one before any message; what comes from now on is
  // encrypted.
  void set_tls(std::shared_ptr<const auth::TlsState> tls) { peer_.tls = std::move(tls); }
  // What is next then. REQUIRES: kTls was returned.
  Next on_tls(wire::MessageWriter& out);
  // Whether the client's messages are answers to what it was asked for.
  bool authenticates() const { return authentication_.has_value(); }
  // Cuts off the next message as far as this step's rules allow one.
  wire::CutResult cut(std::span<const std::byte> bytes) const {
    return authenticates() ? authentication_->cut(bytes) : wire::cut_startup_packet(bytes);
  }
  // Takes the body of a whole packet. `more_bytes_follow` if the client has sent more already.
  Next take(std::span<const std::byte> body, bool more_bytes_follow, const Server& server,
            wire::MessageWriter& out);
  // Takes what cut() has found, which is a whole message or none. It may have a password, and is
  // the caller's to overwrite.
  Next take_answer(const wire::CutResult& cut, const Server& server, wire::MessageWriter& out);

  PeerQuestion question() const { return authentication_->question(); }
  Next on_answer(PeerAnswer given, const Server& server, wire::MessageWriter& out);
  RoleQuestion role_question() const { return authentication_->role_question(); }
  Next on_role(auth::RoleAnswer given, const Server& server, wire::MessageWriter& out);
  auth::PasswordCheck take_check() { return authentication_->take_check(); }
  Next on_checked(bool right, const Server& server, wire::MessageWriter& out);

  // The client has gone. Whether its login has ended with kRefused: if its role is asked for once
  // more because of what is known of the role, that decides, as without the question.
  bool end_without_client(const Server& server, wire::MessageWriter& unread);
  // What the log is to say of a client that was refused; empty: nothing.
  const std::string& log_line() const { return log_line_; }
  // Whether a client that was refused has tried to prove who it is, and may try again.
  bool failed_proof() const { return failed_proof_; }
  // The role that the client asks to be. REQUIRES: authenticates().
  const std::string& role() const { return authentication_->claim().user; }
  // Whether a client that is in has proven by messages who it is.
  bool gave_proof() const { return authentication_.has_value() && authentication_->has_exchange(); }
  // The bytes of memory that are kept of what the client has sent.
  std::size_t kept_bytes() const {
    return packet_.capacity() + message_.kept_bytes() + entry_.client.settings.kept_bytes();
  }
  // The client is not let in after all.
  void give_up_seat() { entry_.seat = SenderSeat(); }

  // REQUIRES: kIn was returned.
  Entry take_entry();
  // Valid as long as this. REQUIRES: kCancelled was returned.
  const wire::CancelRequest& cancel_request() const { return cancel_request_; }

 private:
  Next take_packet(bool more_bytes_follow, const Server& server, wire::MessageWriter& out);
  Next answer_request(wire::EncryptionRequest::Kind kind, bool offers_tls, bool more_bytes_follow,
                      wire::MessageWriter& out);
  static Next refuse_unencrypted(wire::EncryptionRequest::Kind kind, wire::MessageWriter& out);
  Next identify(const Server& server, wire::MessageWriter& out);
  Next authenticate(const Server& server, wire::MessageWriter& out);
  Next go_on(Authentication::Next next, const Server& server, wire::MessageWriter& out);
  Next refuse_stranger(wire::MessageWriter& out);
  runtime::Result<void> check_role(const Server& server) const;
  runtime::Result<void> take_place(const Server& server) const;
  runtime::Result<void> check_replication(const Server& server) const;
  bool wants_console(const Server& server) const {
    return mode_ == wire::ReplicationMode::kNone && server.console_clients != nullptr &&
           server.max_console_connections > 0;
  }
  runtime::Result<SenderSeat> take_seat(const Server& server) const;
  runtime::Result<void> check_database(const Server& server) const;
  Next let_in(const Server& server, wire::MessageWriter& out);
  runtime::Result<Client> read_parameters(const Server& server, settings::Notices& notices) const;
  void greet(const Server& server, wire::MessageWriter& out) const;

  const std::uint32_t process_id_;
  const bool too_many_;
  Peer peer_;
  Next outcome_ = Next::kMore;  // of the last message
  bool ssl_answered_ = false;
  bool gss_answered_ = false;
  bool has_unencrypted_ = false;        // bytes that came before the handshake
  std::vector<std::byte> packet_;       // the last one
  wire::CancelRequest cancel_request_;  // a view of it
  wire::StartupMessage message_{};      // too
  wire::ReplicationMode mode_ = wire::ReplicationMode::kNone;  // that the message asks for
  std::optional<Authentication> authentication_;
  std::string log_line_;
  bool failed_proof_ = false;
  Entry entry_;
};

}  // namespace server::session
