#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "runtime/timer.h"
#include "server/command/parser.h"
#include "server/session/client.h"
#include "server/session/environment.h"
#include "server/session/line.h"
#include "server/session/message_loop.h"
#include "server/session/session_slots.h"
#include "server/session/streaming.h"
#include "server/stats/session_status.h"
#include "server/wire/framer.h"
#include "server/wire/message.h"

namespace server::session {

// The loop of PostgresMain as a walsender runs it. Inside COPY the turns are Streaming's.
//   Owner: Session, once the client is in.  Thread: the session's loop's.
//   Borrows: environment, line and owner, which outlive it.
//   Invariant: while a slot command runs, no message is taken and this does not die.
//   Limits: settings::kNoticesOfAKindMax notices of one command.
class CommandLoop final : public MessageLoop,
                          private SessionSlots::Owner,
                          private Streaming::Owner,
                          private runtime::Timer::Handler {
 public:
  using Owner = MessageLoop::Owner;

  // The client has been told that the server is ready for it.
  CommandLoop(SessionEnvironment& environment, Line& line, Client client, std::uint32_t process_id,
              Owner& owner);

  const Client& client() const override { return client_; }
  bool streaming() const override { return streaming_.active(); }
  bool takes_messages() const override;
  Line::Taken take(std::span<const std::byte> bytes) override;
  void on_writable() override;

  void cancel() override;
  void terminate() override;
  void shut_down() override;
  void cut() override { streaming_.cut(); }
  void leave() override;
  bool awaits_last_command() override;

  bool set_paused(bool paused) override;
  void apply_timeouts() override;
  std::size_t kept_bytes() const override;
  void describe(stats::SessionStatus& status) const override { streaming_.describe(status); }

 private:
  static constexpr std::size_t kUsualSettingsBytes = 2 * 1024;

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
  void log_command(std::string_view text) const;
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
