#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "memctx/context.h"
#include "runtime/clock.h"
#include "runtime/fd.h"
#include "runtime/loop.h"
#include "runtime/result.h"
#include "runtime/tcp_timeouts.h"
#include "runtime/timer.h"
#include "server/session/environment.h"
#include "server/session/input.h"
#include "server/stream/connection.h"
#include "server/stream/memory_budget.h"
#include "server/wire/framer.h"
#include "server/wire/message.h"

namespace server::session {

// The line to one client: bytes that come in, until its owner has cut them into messages; bytes
// that go out; and its end, at once or behind what is queued (src/backend/libpq/pqcomm.c).
//   Owner: Session.  Thread: the worker's loop's.  Borrows: the environment and its owner.
//   Invariant: open, then perhaps closing, then closed. Only an open line takes messages, and no
//     message is taken while another one is.
//   Limits: kQueuedBytesMax of output, beyond which a caller of output_full() lets input wait;
//     kMessagesPerTurn, so that a client that has sent much keeps no other one waiting; Input's;
//     and the MemoryBudget of all lines, beyond which one that keeps much and wants more hangs up.
class Line final : private runtime::Loop::Handler,
                   private runtime::Loop::Unfinished,
                   private runtime::Timer::Handler {
 public:
  // What has become of the bytes that a line offered.
  struct Taken {
    std::size_t bytes = 0;         // 0: there is no whole message
    std::size_t bytes_wanted = 0;  // then, how many it has as far as is known
  };

  class Owner {
   public:
    virtual ~Owner() = default;
    // Whether the next message could be handled now. Otherwise it waits, most of it in the socket,
    // which pushes back on the client.
    virtual bool takes_messages() const = 0;
    // Handles the first message of `bytes`, of which there is at least one.
    virtual Taken take(std::span<const std::byte> bytes) = 0;
    // The socket has room again.
    virtual void on_writable() = 0;
    // The client's, for the log.
    virtual std::string address() const = 0;
    // The client sends no more; it may still read.
    virtual void on_end_of_input() = 0;
    // The line is to end now. The owner lets go of what the client held, then calls close().
    virtual void on_hang_up() = 0;
  };

  Line(SessionEnvironment& environment, Owner& owner, runtime::UniqueFd fd);

  // What a Sender writes to, past this line.
  stream::Connection& connection() { return connection_; }
  bool open() const { return state_ == State::kOpen; }
  bool closed() const { return state_ == State::kClosed; }
  bool blocked() const { return connection_.blocked(); }
  // So much waits to go out that no more should be answered.
  bool output_full() const { return connection_.queued_bytes() > kQueuedBytesMax; }

  // Receives what lies in the socket, unless input is to wait there.
  void read_now();
  // Queues messages behind those that wait, and sends what the socket takes.
  void send(const wire::MessageWriter& out);
  void flush();

  // The line hangs up at this time, whatever comes in before. Of two deadlines the earlier counts.
  void hang_up_at(runtime::Instant deadline);
  void keep() { timer_.disarm(); }
  // The line hangs up when what is queued has gone out, or after close_timeout, or at an earlier
  // deadline that it has.
  void end_when_sent();
  void end_with(const wire::MessageWriter& last_words);
  void end_with_fatal(const runtime::Error& error);
  // Does nothing if the line is closed already.
  void hang_up();
  // For the owner, in on_hang_up().
  void close();

  void set_tcp_timeouts(const runtime::TcpTimeouts& timeouts);
  std::uint64_t copied_for_test() const { return input_.copied_for_test(); }

 private:
  enum class State { kOpen, kClosing, kClosed };

  static constexpr std::size_t kQueuedBytesMax = 256 * 1024;
  static_assert(wire::kQueryBytesMax <= kQueuedBytesMax);  // wire/framer.h says why
  static constexpr std::size_t kMessagesPerTurn = 32;

  void on_ready(std::uint32_t events) override;
  void go_on() override { resume(); }
  void on_timer(runtime::Timer& timer) override;

  bool takes_messages() const { return open() && owner_.takes_messages(); }
  void account();
  void read();
  void receive(std::span<const std::byte> fresh);
  void resume();
  std::size_t take_messages(std::span<const std::byte> bytes);
  void push_back();

  SessionEnvironment& environment_;
  Owner& owner_;
  const std::unique_ptr<memctx::Context> context_;  // of the session, below its worker's
  stream::MemoryShare memory_;
  stream::Connection connection_;
  Input input_;
  runtime::Timer timer_;
  State state_ = State::kOpen;
  bool taking_ = false;  // take_messages() is on the stack
};

}  // namespace server::session
