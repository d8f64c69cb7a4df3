#pragma once

#include <cstdint>

#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/timer.h"
#include "server/stream/connection.h"

namespace server::session {

// Looks whether a client between two streams does its part: reads what it was sent, and sends the
// rest of a message that it has begun. PostgreSQL waits for either without end, with a process of
// its own. What it is sent must move: a client that reads slowly is as good as any other. What it
// sends must be whole in time, however its bytes come.
//   Owner: Line.  Thread: its loop's.  Borrows: the loop, the connection and the owner.
//   Invariant: no timer runs while the client owes nothing.
//   Limits: a client that stalls is seen after its time, and before twice that.
class StallWatch final : private runtime::Timer::Handler {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // A stream has a time of its own for its standby (wal_sender_timeout).
    virtual bool in_stream() const = 0;
    // `what` is for the log.
    virtual void on_stalled(const char* what) = 0;
  };

  StallWatch(runtime::Loop& loop, const stream::Connection& connection, Owner& owner);

  // Something waits to be read by the client, or may wait in its socket; 0: it may wait for ever.
  void await_reading(runtime::Duration timeout);
  // The client has begun a message; 0 as above.
  void await_rest(runtime::Duration timeout);
  // The message is whole.
  void have_rest() { rest_timer_.disarm(); }
  void stop();

 private:
  void on_timer(runtime::Timer& timer) override;
  void look_at_output();
  std::uint64_t waiting_bytes() const;
  std::uint64_t read_bytes() const;

  runtime::Loop& loop_;
  const stream::Connection& connection_;
  Owner& owner_;
  runtime::Timer output_timer_;
  runtime::Timer rest_timer_;
  runtime::Duration output_timeout_{};
  std::uint64_t read_before_ = 0;  // by the client, at the last look
};

}  // namespace server::session
