#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/socket.h"
#include "runtime/timer.h"
#include "server/console/session_state.h"
#include "server/session/client.h"
#include "server/session/console_turns.h"
#include "server/session/environment.h"
#include "server/session/line.h"
#include "server/session/message_loop.h"
#include "server/settings/session_settings.h"

namespace server::session {

class ConsoleTicket;

// The loop of PostgresMain as a normal connection has it: the part on the session's loop. It cuts
// messages off and hands them to the console thread, where ConsoleTurns handles them, and sends
// what that answers; meanwhile it takes no message.
//
//     loop      take: P B D E S │ busy                            send  │ next batch
//     console                   └─▶ step ─▶ ... (another session) step ─┘
//
// A step is a bounded piece of work, and the next one waits until the client has read of what the
// last has answered: neither a long answer nor a client that does not read costs more memory.
//   Owner: Session, once the client is in.  Thread: the session's loop's.
//   Borrows: environment and line, which outlive it.
//   Invariant: while it is busy no message is taken. What its console thread has it does not touch,
//     but for flags; and that ends there, perhaps after this.
//   Limits: kBatchBytes of messages at a time, or one; ConsoleTurns'.
class ConsoleLoop final : public MessageLoop, private runtime::Timer::Handler {
 public:
  static constexpr std::size_t kBatchBytes = 64 * 1024;
  // How soon a statement ends of which the client has gone (client_connection_check_interval).
  static constexpr runtime::Duration kClientCheckInterval = std::chrono::seconds(1);

  // The client, which has come from `peer`, has been told that the server is ready for it.
  // REQUIRES: the environment has a console.
  ConsoleLoop(SessionEnvironment& environment, Line& line, Client client,
              const runtime::SocketAddress& peer);
  ~ConsoleLoop() override;

  const Client& client() const override { return client_; }
  bool streaming() const override { return false; }
  bool takes_messages() const override { return !busy_ && !line_.output_full(); }
  Line::Taken take(std::span<const std::byte> bytes) override;
  void on_writable() override;

  void cancel() override;
  void terminate() override;
  void shut_down() override;
  void cut() override {}
  void leave() override;
  bool awaits_last_command() override { return false; }

  bool set_paused(bool /*paused*/) override { return false; }
  void apply_timeouts() override;
  std::size_t kept_bytes() const override;
  void describe(stats::SessionStatus& status) const override;

 private:
  friend class ConsoleTicket;

  void refuse(const wire::InboundMessage& message);
  void hand_over(std::vector<std::byte> batch);
  void post(std::shared_ptr<std::vector<std::byte>> batch);
  void on_answer(ConsoleAnswer answer);
  void go_on();
  void await_command();
  void on_timer(runtime::Timer& timer) override;
  void look_at_statement();
  void look_at_client();

  SessionEnvironment& environment_;
  Line& line_;
  Client client_;
  std::shared_ptr<ConsoleTurns> turns_;
  const std::shared_ptr<ConsoleTicket> ticket_;
  runtime::Timer idle_timer_;       // from each ReadyForQuery to the next whole message
  runtime::Timer statement_timer_;  // while busy
  runtime::Timer client_timer_;     // while busy: whether the client is still there
  settings::Timeouts timeouts_;
  bool busy_ = false;         // a batch is the console thread's
  bool awaits_room_ = false;  // its next step waits for the client to read
  runtime::Instant batch_since_{};
  std::size_t batch_bytes_ = 0;
  std::size_t statement_bytes_ = 0;  // of what is kept for the client on the console's side
  console::TransactionStatus transaction_ = console::TransactionStatus::kIdle;
};

}  // namespace server::session
