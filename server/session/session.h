#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "runtime/clock.h"
#include "runtime/fd.h"
#include "runtime/intrusive_list.h"
#include "runtime/loop.h"
#include "runtime/socket.h"
#include "server/admin/standby_status.h"
#include "server/session/command_loop.h"
#include "server/session/environment.h"
#include "server/session/line.h"
#include "server/session/login.h"
#include "server/session/process_ids.h"
#include "server/session/sender_seat.h"

namespace server::session {

// A connection that was accepted.
struct Arrival {
  runtime::UniqueFd fd;
  runtime::SocketAddress peer;
  ProcessId process_id;
  bool too_many = false;  // the server has no room for it, and says so
};

// One connection, from its first byte to its last: a Line whose messages are first its Login's and
// then its CommandLoop's.
//   Owner: the worker, until on_session_over().  Thread: the worker's loop's.
//   Borrows: the environment and its owner.
//   Invariant: it has a login or a command loop, never both. Only with a command loop it has a seat
//     among the walsenders and an entry in CancelKeys.
class Session final : public runtime::Loop::Retired,
                      private Line::Owner,
                      private CommandLoop::Owner {
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

  admin::StandbyStatus status() const;
  std::uint32_t process_id() const { return process_id_.value(); }
  runtime::ListLink<Session>& link() { return link_; }

 private:
  bool takes_messages() const override;
  Line::Taken take(std::span<const std::byte> bytes) override;
  void on_writable() override;
  void on_end_of_input() override;
  void on_hang_up() override;
  std::string address() const override { return peer_.text(); }
  void on_last_command_done() override;

  Line::Taken log_in(std::span<const std::byte> bytes);
  void enter(Login::Entry entry);
  void cancel_another(const wire::CancelRequest& request);

  SessionEnvironment& environment_;
  Owner& owner_;
  const runtime::SocketAddress peer_;
  const ProcessId process_id_;
  const runtime::WallMicros started_;
  Line line_;
  SenderSeat seat_;
  std::unique_ptr<Login> login_;
  std::unique_ptr<CommandLoop> commands_;
  runtime::ListLink<Session> link_;
};

}  // namespace server::session
