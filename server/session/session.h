#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "runtime/clock.h"
#include "runtime/fd.h"
#include "runtime/intrusive_list.h"
#include "runtime/loop.h"
#include "runtime/pool.h"
#include "runtime/socket.h"
#include "server/session/admissions.h"
#include "server/session/environment.h"
#include "server/session/handshake.h"
#include "server/session/line.h"
#include "server/session/login.h"
#include "server/session/login_job.h"
#include "server/session/login_refusal.h"
#include "server/session/message_loop.h"
#include "server/session/origin.h"
#include "server/session/process_ids.h"
#include "server/session/sender_seat.h"
#include "server/session/session_log.h"
#include "server/stats/session_status.h"

namespace server::session {

// A connection that was accepted.
struct Arrival {
  runtime::UniqueFd fd;
  runtime::SocketAddress peer;
  ProcessId process_id;
  bool too_many = false;  // the server has no room for it, and says so
  Admissions::Place place = {};
};

// One connection, from its first byte to its last: a Line whose messages are first its Login's and
// then its MessageLoop's.
//   Owner: the worker, until on_session_over().  Thread: the worker's loop's.
//   Borrows: the environment and its owner.
//   Invariant: it has a login or a message loop, never both. Only with a message loop it has a seat
//     among the walsenders, or among the console's clients, and an entry in CancelKeys.
class Session final : public runtime::Loop::Retired,
                      private Line::Owner,
                      private Handshake::Owner,
                      private LoginJobOwner,
                      private MessageLoop::Owner,
                      private LoginRefusal::Owner {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The session is over, and is to be retired.
    virtual void on_session_over(Session& session) = 0;
  };

  Session(SessionEnvironment& environment, Owner& owner, Arrival arrival);
  ~Session() override;

  // The server stops: a stream ends when the standby has confirmed all WAL, all else at once.
  void shut_down();
  // The session is to end now, whatever it does (pg_terminate_backend). The client is told if it
  // takes that within close_timeout; a client that does not read is not waited for.
  void terminate();
  // The server waits for this session no longer: the client is told what can be sent at once, and
  // the line closes.
  void cut();
  // The environment's options have changed.
  void on_reload();
  // A CancelRequest for this session has come.
  void cancel();
  // Of a standby that this name means: it looks whether it is paused. Returns whether it is one.
  bool look_at_pauses(std::string_view name);

  stats::SessionStatus status() const;
  std::uint32_t process_id() const { return process_id_.value(); }
  runtime::ListLink<Session>& link() { return link_; }

 private:
  bool takes_messages() const override;
  Line::Taken take(std::span<const std::byte> bytes) override;
  void on_writable() override;
  void on_tls_begun() override;
  bool may_shake() override;
  void on_tls_agreed(ShakingSocket socket, runtime::TlsAgreement agreed) override;
  void on_tls_failed(ShakingSocket socket, const runtime::Error& error) override;
  void on_end_of_input() override;
  void on_hang_up() override;
  runtime::log::Client log_client() const override { return log_.client(); }
  void on_login_job(const LoginJob& job) override;
  void on_role(auth::RoleAnswer given) override;
  bool in_stream() const override { return message_loop_ != nullptr && message_loop_->streaming(); }
  void on_refusal_due() override;
  void on_last_command_done() override;

  Line::Taken log_in(std::span<const std::byte> bytes);
  Line::Taken authenticate(const wire::CutResult& cut);
  Login::Server server_facts();
  bool offers_tls() const { return environment_.tls != nullptr && !peer_.is_unix(); }
  void shake_hands();
  template <typename Step>
  Login::Next take_step(Step step);
  // What has become of the login, and what it wants its client to read.
  void go_on(Login::Next next, const wire::MessageWriter& out);
  void refuse(const wire::MessageWriter& last_words);
  void hang_up_now();
  void leave_login();
  // All that is kept for the client in other memory than its line's.
  std::size_t kept() const {
    const std::size_t by_login = login_ != nullptr ? login_->kept_bytes() : 0;
    const std::size_t by_job = awaits_job_ != nullptr ? awaits_job_->bytes() : 0;
    const std::size_t by_loop = message_loop_ != nullptr ? message_loop_->kept_bytes() : 0;
    return handshake_bytes_ + by_login + by_job + by_loop;
  }
  void account() { line_.keep_beside(kept()); }
  void begin_to_await(std::size_t bytes = 0);
  template <typename Task>
  void submit(Task task, runtime::JobKind kind);
  void check_password(auth::PasswordCheck check);
  void ask_role(const RoleQuestion& question);
  void enter(Login::Entry entry);

  SessionEnvironment& environment_;
  Owner& owner_;
  const runtime::SocketAddress peer_;
  const ProcessId process_id_;
  Admissions::Place place_;
  const runtime::WallMicros started_;
  SessionLog log_;
  Line line_;
  SenderSeat seat_;
  std::unique_ptr<Login> login_;
  std::unique_ptr<MessageLoop> message_loop_;
  std::unique_ptr<Handshake> handshake_;     // while it has the line's socket
  std::size_t handshake_bytes_ = 0;          // that it was given of the memory for clients
  bool is_direct_tls_ = false;               // the client has begun with its handshake
  std::shared_ptr<LoginTicket> awaits_job_;  // while a job of the login runs
  LoginRefusal refusal_;
  runtime::ListLink<Session> link_;
};

}  // namespace server::session
