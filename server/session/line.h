#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "memctx/context.h"
#include "runtime/clock.h"
#include "runtime/fd.h"
#include "runtime/log_line.h"
#include "runtime/loop.h"
#include "runtime/result.h"
#include "runtime/tcp_timeouts.h"
#include "runtime/timer.h"
#include "server/session/environment.h"
#include "server/session/input.h"
#include "server/session/stall_watch.h"
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
//     kMessagesPerTurn and the turn's time, so that clients that have sent much keep no other one
//     waiting, and no stream; Input's;
//     and the MemoryBudget of all lines, beyond which one that keeps much and wants more hangs up.
//     A client that is in has client_read_timeout and client_write_timeout (StallWatch).
class Line final : private runtime::Loop::Handler,
                   private runtime::Loop::Unfinished,
                   private StallWatch::Owner,
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
    // The client has begun with a handshake of TLS, of which nothing is read yet.
    virtual void on_tls_begun() = 0;
    // The session, for the log.
    virtual runtime::log::Client log_client() const = 0;
    // Whether a stream runs, which has its own time for its client.
    virtual bool in_stream() const = 0;
    // The client sends no more; it may still read.
    virtual void on_end_of_input() = 0;
    // The line is to end now. The owner lets go of what the client held, then calls close().
    virtual void on_hang_up() = 0;
  };

  Line(SessionEnvironment& environment, Owner& owner, runtime::UniqueFd fd);

  // What a Sender writes to, past this line.
  stream::Connection& connection() { return connection_; }
  const stream::Connection& connection() const { return connection_; }
  bool open() const { return state_ == State::kOpen; }
  bool closed() const { return state_ == State::kClosed; }
  bool blocked() const { return connection_.blocked(); }
  // So much waits to go out that no more should be answered.
  bool output_full() const { return connection_.queued_bytes() > kQueuedBytesMax; }

  // A handshake of TLS may come before anything else; on_tls_begun() says so. REQUIRES: nothing has
  // been received.
  void expect_tls() { may_begin_tls_ = true; }
  // Gives the socket away for a handshake; all else waits until it is back. Nothing comes before
  // that but the end. REQUIRES: nothing is queued.
  runtime::UniqueFd lend_socket() { return connection_.lend(); }
  void take_back(runtime::UniqueFd socket, std::unique_ptr<runtime::TlsChannel> tls);

  // Receives what lies in the socket, unless input is to wait there.
  void read_now();
  // Queues messages behind those that wait, and sends what the socket takes.
  void send(const wire::MessageWriter& out) { send(out.bytes()); }
  void send(std::span<const std::byte> messages);
  void flush();

  // The line hangs up at this time, whatever comes in before. Of two deadlines the earlier counts.
  void hang_up_at(runtime::Instant deadline);
  // The client is in.
  void keep() {
    timer_.disarm();
    input_.stop_wiping();
    kept_ = true;
  }
  // The line hangs up when what is queued has gone out, or after close_timeout, or at an earlier
  // deadline that it has.
  void end_when_sent();
  void end_with(std::span<const std::byte> last_words);
  void end_with_fatal(const runtime::Error& error);
  // Does nothing if the line is closed already.
  void hang_up();
  // For the owner, in on_hang_up().
  void close();

  // So many bytes are kept for the client in other memory than the line's: its password, say.
  void keep_beside(std::size_t bytes);
  bool may_keep_beside(std::size_t bytes) const { return memory_.may_keep_beside(bytes); }
  // A stream has ended, whose last bytes the client has yet to read.
  void await_reading() { stalls_.await_reading(environment_.options.client_write_timeout); }

  void set_tcp_timeouts(const runtime::TcpTimeouts& timeouts);
  std::uint64_t copied_for_test() const { return input_.copied_for_test(); }

 private:
  enum class State { kOpen, kClosing, kClosed };

  static constexpr std::size_t kQueuedBytesMax = 256 * 1024;
  static_assert(wire::kQueryBytesMax <= kQueuedBytesMax);  // wire/framer.h says why
  static constexpr std::size_t kMessagesPerTurn = 32;

  void on_ready(std::uint32_t events) override;
  void go_on() override;
  void on_timer(runtime::Timer& timer) override;
  bool in_stream() const override { return owner_.in_stream(); }
  void on_stalled(const char* what) override;

  bool takes_messages() const { return open() && owner_.takes_messages(); }
  bool has_begun_tls();
  void log_failure(int sys_errno);
  void account();
  void read();
  void await_records();
  void receive(std::span<const std::byte> fresh);
  void take_or_keep(std::span<const std::byte> fresh);
  void resume();
  std::size_t take_messages(std::span<const std::byte> bytes);
  bool must_wait(std::size_t messages) const;
  void push_back();
  void watch_rest();

  SessionEnvironment& environment_;
  Owner& owner_;
  const std::unique_ptr<memctx::Context> context_;  // of the session, below its worker's
  stream::MemoryShare memory_;
  stream::Connection connection_;
  Input input_;
  runtime::Timer timer_;
  StallWatch stalls_;
  State state_ = State::kOpen;
  bool may_begin_tls_ = false;  // with the first byte
  bool kept_ = false;
  bool taking_ = false;    // take_messages() is on the stack
  bool going_on_ = false;  // go_on() is
};

}  // namespace server::session
