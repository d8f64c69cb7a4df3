#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "runtime/timer.h"
#include "server/admin/standby_status.h"
#include "server/command/parser.h"
#include "server/session/client.h"
#include "server/session/environment.h"
#include "server/session/line.h"
#include "server/session/session_slots.h"
#include "server/session/streaming.h"
#include "server/wire/framer.h"
#include "server/wire/message.h"

namespace server::session {

// The loop of PostgresMain as a walsender runs it (src/backend/tcop/postgres.c): one message a
// turn, from the first ReadyForQuery to the end of the connection. Inside COPY the turns are
// Streaming's.
//   Owner: Session, once the client is in.  Thread: the session's loop's.
//   Borrows: environment, line and owner, which outlive it.
//   Invariant: while a slot command runs, no message is taken and this does not die.
//   Limits: settings::kNoticesOfAKindMax notices of one command.
class CommandLoop final : private SessionSlots::Owner,
                          private Streaming::Owner,
                          private runtime::Timer::Handler {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The slot command that ran when the line was closed is over, and this may die.
    virtual void on_last_command_done() = 0;
  };

  // The client has been told that the server is ready for it.
  CommandLoop(SessionEnvironment& environment, Line& line, Client client, std::uint32_t process_id,
              Owner& owner);

  const Client& client() const { return client_; }
  bool streaming() const { return streaming_.active(); }
  bool takes_messages() const;
  // Cuts the first message off, and runs a turn for it if it is whole.
  Line::Taken take(std::span<const std::byte> bytes);
  void on_writable();

  // A CancelRequest has come. An idle session has nothing to cancel.
  void cancel();
  // The session is to end now, whatever it does (pg_terminate_backend).
  void terminate();
  // The server stops: a stream ends when the standby has confirmed all WAL, all else at once.
  void shut_down();
  // The server waits for this session no longer: the client is told what can be sent at once.
  void cut() { streaming_.cut(); }
  // The line is about to close: the stream and the slots are let go.
  void leave();
  // Behind leave(). Returns whether a slot command still runs; on_last_command_done() will follow,
  // perhaps before this returns.
  bool awaits_last_command();

  // Takes the timeouts over, the client's own or else the server's. A wait for the next command
  // that has begun keeps the timeout that it began with.
  void apply_timeouts();
  void describe(admin::StandbyStatus& status) const { streaming_.describe(status); }

 private:
  void on_slot_command_done(const runtime::Result<void>& done, std::string_view created) override;
  void on_stream_over(const runtime::Result<std::optional<stream::NextTimeline>>& end) override;
  void on_timer(runtime::Timer& timer) override;

  // PostgresMain, at the begin of each turn.
  void reset_memory();
  void refuse(const wire::InboundMessage& message);
  void turn(const wire::InboundMessage& message);
  void sync(const wire::InboundMessage& message);
  void query(std::span<const std::byte> body);
  runtime::Result<std::string_view> query_text(std::span<const std::byte> body) const;
  runtime::Result<void> run(std::string_view text, wire::MessageWriter& out);
  runtime::Result<void> execute(const command::Command& command, wire::MessageWriter& out);
  runtime::Result<void> start_replication(const command::StartReplication& request,
                                          wire::MessageWriter& out);
  runtime::Result<void> create_slot(const command::CreateSlot& request);
  void log_denial(const runtime::Error& error);
  void error_turn(const runtime::Error& error);
  void be_ready(wire::MessageWriter& out);
  void await_command();
  void send(wire::MessageWriter& out);

  SessionEnvironment& environment_;
  Line& line_;
  const Client client_;
  Owner& owner_;
  SessionSlots slots_;
  Streaming streaming_;
  runtime::Timer idle_timer_;  // from each ReadyForQuery to the next whole message
  runtime::Duration idle_timeout_{};
  bool ignore_till_sync_ = false;
  bool stopping_ = false;  // the server stops, or this session is to: the next answer is the last
};

}  // namespace server::session
