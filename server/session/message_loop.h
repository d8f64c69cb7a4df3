#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "server/session/client.h"
#include "server/session/line.h"
#include "server/stats/session_status.h"

namespace server::session {

// What a session is once its client is in: the loop of PostgresMain (src/backend/tcop/postgres.c),
// one message a turn, from the first ReadyForQuery to the end of the connection. A walsender's is a
// CommandLoop, that of a normal connection a ConsoleLoop.
//   Owner: Session.  Thread: the session's loop's.
//   Invariant: while a command runs elsewhere, no message is taken and this does not die, until
//     awaits_last_command() has said that it may.
class MessageLoop {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The command that ran when the line was closed is over, and the loop may die.
    virtual void on_last_command_done() = 0;
  };

  virtual ~MessageLoop() = default;

  virtual const Client& client() const = 0;
  // Whether the client is inside COPY, and has a time of its own to answer in.
  virtual bool streaming() const = 0;
  virtual bool takes_messages() const = 0;
  // Cuts the first message off, and runs a turn for it if it is whole.
  virtual Line::Taken take(std::span<const std::byte> bytes) = 0;
  virtual void on_writable() = 0;

  // A CancelRequest has come, which does nothing to an idle session.
  virtual void cancel() = 0;
  // The session is to end now, whatever it does (pg_terminate_backend).
  virtual void terminate() = 0;
  // The server stops: a stream ends when the standby has confirmed all WAL, all else at once.
  virtual void shut_down() = 0;
  // The server waits for this session no longer: the client is told what can be sent at once.
  virtual void cut() = 0;
  // The line is about to close: what other sessions may want is let go.
  virtual void leave() = 0;
  // Behind leave(). Returns whether a command still runs; on_last_command_done() will follow,
  // perhaps before this returns.
  virtual bool awaits_last_command() = 0;

  // WAL stops behind the message in flight, and goes on; the client is sent keepalives meanwhile.
  // Returns false if the client is no standby.
  virtual bool set_paused(bool paused) = 0;
  // Takes the timeouts over, the client's own or else the server's. A wait for the next command
  // that has begun keeps the timeout that it began with.
  virtual void apply_timeouts() = 0;
  // The bytes of memory that the loop keeps for its client, beside its line's.
  virtual std::size_t kept_bytes() const = 0;
  virtual void describe(stats::SessionStatus& status) const = 0;
};

}  // namespace server::session
