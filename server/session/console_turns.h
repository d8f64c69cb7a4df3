#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock.h"
#include "runtime/published.h"
#include "runtime/result.h"
#include "server/console/engine.h"
#include "server/session/console_output.h"
#include "server/session/console_statements.h"
#include "server/settings/session_settings.h"
#include "server/wire/extended.h"
#include "server/wire/framer.h"
#include "server/wire/message.h"

namespace server::session {

// What a step has for the client, and for the loop that serves it.
struct ConsoleAnswer {
  std::vector<std::byte> messages;
  bool done = false;   // all messages of the batch are handled; else another step is to follow
  bool ready = false;  // the last of `messages` is ReadyForQuery
  console::TransactionStatus transaction = console::TransactionStatus::kIdle;
  std::size_t kept_bytes = 0;  // of statements and portals
  settings::SessionSettings settings;
};

// The turns of PostgresMain for a normal connection: what each message does to statements, portals
// and the transaction, and what is answered (postgres.c: exec_simple_query, exec_parse_message,
// exec_bind_message, exec_execute_message, exec_describe_..._message). A machine of messages
// without I/O, whose statements run on the engine.
//   Owner: ConsoleLoop and its jobs, shared.  Thread: the console's, where it ends too; but for
//   what is named otherwise.
//   Limits: a step goes on until it has kStepBytes of answers, or has taken kStepTime, and for one
//   statement at least; ConsoleStatements' of what is kept.
class ConsoleTurns {
 public:
  static constexpr std::size_t kStepBytes = 64 * 1024;
  static constexpr runtime::Duration kStepTime = std::chrono::milliseconds(10);

  // `on_end` is called when the session has no statement any more, nor will have one.
  ConsoleTurns(std::shared_ptr<console::SessionState> session, std::function<void()> on_end);
  ~ConsoleTurns();
  ConsoleTurns(const ConsoleTurns&) = delete;
  ConsoleTurns& operator=(const ConsoleTurns&) = delete;

  // Takes whole messages, one behind the other; no type but those that wire::cut_message() takes
  // between commands, and no Terminate. REQUIRES: what was begun before is done.
  void begin(std::vector<std::byte> batch);
  // Handles what it can of the batch.
  ConsoleAnswer step(console::Engine& engine);

  // For the loop. A statement that runs is to end: as a client has asked, or since its time is up.
  // forget_cancel() is called before a batch is handed over.
  void cancel() { session_->cancel_requested.store(true); }
  void time_out() {
    timed_out_.store(true);
    cancel();
  }
  void forget_cancel() {
    timed_out_.store(false);
    session_->cancel_requested.store(false);
  }
  // When the statement has begun that runs, of a string that has several. Any thread.
  runtime::Instant statement_begun() const {
    return runtime::Instant(runtime::Duration(statement_begun_.load()));
  }

 private:
  // A statement on its way through its rows.
  struct Running {
    std::shared_ptr<const console::Prepared> prepared;
    std::shared_ptr<console::Portal> portal;
    std::string text;
    std::uint64_t rows_max = 0;  // of this Execute; 0: all
    std::uint64_t rows = 0;      // so far
    bool of_query = false;
  };

  bool is_busy() const {
    return running_.has_value() || next_statement_ < statements_of_query_.size();
  }
  // Each of these handles the next thing that there is to do.
  void go_on(console::Engine& engine, wire::MessageWriter& out);
  void turn(const wire::InboundMessage& message, console::Engine& engine, wire::MessageWriter& out);
  runtime::Result<void> handle(const wire::InboundMessage& message, console::Engine& engine,
                               wire::MessageWriter& out);
  void fail(runtime::Error error, wire::MessageWriter& out);
  void be_ready(wire::MessageWriter& out);

  runtime::Result<void> query(std::span<const std::byte> body, wire::MessageWriter& out);
  runtime::Result<void> begin_statement(console::Engine& engine, wire::MessageWriter& out);
  runtime::Result<void> parse(std::span<const std::byte> body, console::Engine& engine,
                              wire::MessageWriter& out);
  runtime::Result<void> bind(std::span<const std::byte> body, console::Engine& engine,
                             wire::MessageWriter& out);
  runtime::Result<void> execute(std::span<const std::byte> body);
  runtime::Result<void> describe(std::span<const std::byte> body, wire::MessageWriter& out);
  runtime::Result<void> close(std::span<const std::byte> body, wire::MessageWriter& out);
  runtime::Result<void> call_function(std::span<const std::byte> body) const;
  runtime::Result<void> fetch(wire::MessageWriter& out);
  void complete(const console::Fetched& fetched, wire::MessageWriter& out);
  void forget_statements(std::string_view text);

  runtime::Result<std::string_view> text(wire::ByteReader& reader) const;
  runtime::Result<void> check_text(std::string_view text) const;
  runtime::Result<void> check_transaction(const console::Prepared& prepared) const;
  runtime::Result<void> check_cancel() const;

  const std::shared_ptr<console::SessionState> session_;
  const std::function<void()> on_end_;
  const runtime::SystemClock clock_;
  runtime::Published<bool> timed_out_{false};
  runtime::Published<std::int64_t> statement_begun_{0};

  std::vector<std::byte> batch_;
  std::size_t at_ = 0;  // of the next message in the batch
  // Of a simple query, which is the last message of its batch.
  std::string_view query_;
  std::vector<console::StatementText> statements_of_query_;
  std::size_t next_statement_ = 0;

  ConsoleStatements kept_;
  std::optional<Running> running_;
  RowWriter row_;
  bool ignore_till_sync_ = false;
  bool ready_ = false;
};

}  // namespace server::session
