#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "memctx/context.h"
#include "runtime/counters.h"
#include "runtime/intrusive_list.h"
#include "runtime/loop.h"
#include "runtime/socket.h"
#include "runtime/tcp_timeouts.h"
#include "runtime/timer.h"
#include "server/admin/standby_status.h"
#include "server/command/parser.h"
#include "server/session/cancel_keys.h"
#include "server/session/input.h"
#include "server/session/session_slots.h"
#include "server/session/startup.h"
#include "server/settings/settings.h"
#include "server/source/quorum.h"
#include "server/source/xmin_horizon.h"
#include "server/stream/connection.h"
#include "server/stream/sender.h"
#include "server/wire/framer.h"
#include "server/wire/message.h"

namespace server::session {

// What the sessions of one worker share.
//   Thread: the worker's loop's.
struct SessionEnvironment {
  struct Options {
    stream::Sender::Options sender;
    runtime::Duration authentication_timeout = std::chrono::minutes(1);
    runtime::Duration close_timeout = std::chrono::seconds(10);
    runtime::Duration idle_session_timeout{};  // 0: clients may idle
    runtime::TcpTimeouts tcp;
    std::int64_t max_wal_senders = 0;
  };

  runtime::Loop& loop;
  stream::WalView& view;
  stream::SendQueue& send_queue;
  std::shared_ptr<const settings::Settings> settings;  // replaced by a reload
  std::span<const std::string_view> reported_settings;
  runtime::Gauge& wal_senders;  // of the whole server
  CancelKeys& cancel_keys;      // so are these
  source::XminHorizon& xmin_horizon;
  source::Quorum& quorum;
  slot::Slots& slots;
  runtime::Pool& pool;
  CancelKeys::Target& worker;
  memctx::Context& worker_context;   // sessions' contexts are its children
  memctx::Context& message_context;  // reset at the start of each message
  std::span<std::byte> input_buffer;
  const Options& options;
};

// A connection that was accepted.
struct Arrival {
  runtime::UniqueFd fd;
  runtime::SocketAddress peer;
  std::uint32_t process_id = 0;
  bool too_many = false;  // it is to be told so
};

// One connection, from its first byte to its last: start-up, commands, streaming. Its message
// handler is one turn of PostgresMain's loop as a walsender runs it (src/backend/tcop/postgres.c).
//   Owner: the worker, until it retires itself.  Thread: the worker's loop's.
//   Borrows: the environment.
//   Limits: one message of input, and kReadBytesMax; kQueuedBytesMax of output, beyond which input
//     waits; kMessagesPerTurn, so that nobody waits long for who has sent much.
class Session final : public runtime::Loop::Retired,
                      private runtime::Loop::Handler,
                      private runtime::Loop::Unfinished,
                      private runtime::Timer::Handler,
                      private stream::Sender::Owner,
                      private SessionSlots::Owner {
 public:
  // Told when a session is over, so that its owner retires it.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void on_session_over(Session& session) = 0;
  };

  // Received at a time, behind what is kept.
  static constexpr std::size_t kReadBytesMax = 64 * 1024;

  Session(SessionEnvironment& environment, Owner& owner, Arrival arrival);
  ~Session() override;

  // The server stops: a stream ends when the standby has confirmed all WAL, all else at once.
  void shut_down();
  // It is to end now, whatever it does (pg_terminate_backend). The client is told if it takes that
  // within close_timeout; one that takes nothing already is not waited for.
  void terminate();
  // It cannot wait any longer: what can be said without waiting is said, and the connection closes.
  void cut();

  // The environment's options have changed.
  void on_reload();
  // A CancelRequest for it has come. What is idle has nothing to cancel.
  void cancel();

  admin::StandbyStatus status() const;
  std::uint32_t process_id() const { return process_id_; }
  runtime::ListLink<Session>& link() { return link_; }

 private:
  enum class Phase {
    kStartup,    // the untyped packets
    kCommands,   // between START_REPLICATIONs
    kStreaming,  // inside CopyBoth
    kClosing,    // what is queued goes out, then the connection closes
  };
  // What follows once the stream that runs has been interrupted.
  struct Interruption {
    wire::Severity severity = wire::Severity::kError;
    runtime::Error error;
  };

  static constexpr std::size_t kQueuedBytesMax = 256 * 1024;
  static constexpr std::size_t kMessagesPerTurn = 32;

  void on_ready(std::uint32_t events) override;
  void go_on() override { process_input(); }
  void on_timer(runtime::Timer& timer) override;
  void on_stream_over(stream::StreamEnd end) override;
  void on_status() override;
  void take_replies() override;
  void on_feedback(const wire::HotStandbyFeedback& feedback) override;
  void on_slot_command_done(const runtime::Result<void>& done) override;

  void apply_timeouts();
  void read_input();
  void process_input();
  bool may_process() const;

  std::size_t take_startup_packet(std::span<const std::byte> bytes);
  bool connect(wire::MessageWriter& out);

  std::size_t take_message(std::span<const std::byte> bytes);
  void turn(const wire::InboundMessage& message);
  void stream_turn(const wire::InboundMessage& message);
  void query(std::span<const std::byte> body);
  runtime::Result<void> run(std::string_view text, wire::MessageWriter& out);
  runtime::Result<void> create_slot(const command::CreateSlot& request);
  runtime::Result<void> start_replication(const command::StartReplication& request,
                                          wire::MessageWriter& out);

  void end_with(const stream::StreamEnded& end);
  void end_with(const stream::StreamFailed& end);
  void end_with(const stream::StreamLost& end);
  void end_with(const stream::StreamInterrupted& end);
  void end_with(const stream::StreamDrained& end);
  void interrupt_stream(wire::Severity severity, runtime::Error error);
  void error_turn(const runtime::Error& error);
  void be_ready(wire::MessageWriter& out);
  void await_command();
  void send(wire::MessageWriter& out);
  void flush();
  void fatal(const runtime::Error& error);
  void close_when_sent();
  void close();

  SessionEnvironment& environment_;
  Owner& owner_;
  const runtime::SocketAddress peer_;
  const std::uint32_t process_id_;
  const bool too_many_;
  memctx::Context& context_;
  stream::Connection connection_;
  Input input_;
  stream::Sender sender_;
  SessionSlots slots_;
  runtime::Timer timer_;  // of start-up, of a client that idles, and of closing
  runtime::Duration idle_timeout_{};
  runtime::WallMicros started_;

  Phase phase_ = Phase::kStartup;
  std::string slot_created_;      // by the command that runs; empty if it drops one
  bool counted_ = false;          // among the server's wal_senders
  bool counts_upstream_ = false;  // the primary is told what this standby confirms
  bool ignore_till_sync_ = false;
  bool input_waits_ = false;  // until the stream that ends has ended
  bool processing_ = false;   // process_input() is on the stack
  // The server does, or this session is to: what is said outside of a stream is the last word.
  bool stopping_ = false;
  bool over_ = false;
  std::optional<Interruption> interruption_;
  std::optional<wal::Xmin> reported_xmin_;  // by the stream that runs
  Startup startup_;
  Client client_;
  runtime::ListLink<Session> link_;
};

}  // namespace server::session
