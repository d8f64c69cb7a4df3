#include "server/session/console_loop.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/console/console_thread.h"
#include "server/wire/errors.h"

namespace server::session {

namespace {

// A client's few settings count as nothing, as the rest of its session does.
constexpr std::size_t kUsualSettingsBytes = 2 * 1024;

constexpr runtime::ErrorKind kIdleInTransactionTimeout{"idle_in_transaction_session_timeout",
                                                       "25P03"};

runtime::Error admin_shutdown() {
  return {.kind = &wire::kAdminShutdown,
          .what = "terminating connection due to administrator command"};
}

// What statements are to know of the connection.
std::shared_ptr<console::SessionState> state_of(const Client& client,
                                                const stream::Connection& connection,
                                                const runtime::SocketAddress& peer) {
  auto state = std::make_shared<console::SessionState>();
  state->process_id = client.process_id;
  state->user = client.user;
  state->database = client.database;
  if (!peer.is_unix()) {
    const runtime::SocketAddress own = runtime::local_address(connection.fd());
    state->client_address = peer.host();
    state->client_port = peer.port();
    state->server_address = own.host();
    state->server_port = own.port();
  }
  state->backend_start = client.started;
  state->uses_tls = connection.tls_agreement().has_value();
  state->grants = client.grants;
  state->settings = client.settings;
  return state;
}

// A message that is followed by ReadyForQuery, or behind which nothing may follow.
bool ends_batch(char type) { return type == 'Q' || type == 'S' || type == 'F' || type == 'X'; }

// The whole messages of `bytes` up to the first that ends a batch, or to the last that is still
// within ConsoleLoop::kBatchBytes. REQUIRES: the first message is whole.
std::size_t batch_size(std::span<const std::byte> bytes) {
  std::size_t size = 0;
  while (size < bytes.size()) {
    const wire::CutResult cut = wire::cut_message(bytes.subspan(size), wire::During::kCommands);
    if (cut.cut != wire::Cut::kMessage || cut.message.type == 'X') break;
    if (size > 0 && size + cut.bytes_used > ConsoleLoop::kBatchBytes) break;
    size += cut.bytes_used;
    if (ends_batch(cut.message.type)) break;
  }
  return size;
}

}  // namespace

// Where an answer finds the loop that waits for it: null if that has gone.
//   Owner: ConsoleLoop and the jobs, shared.  Thread: the loop's.
class ConsoleTicket {
 public:
  explicit ConsoleTicket(ConsoleLoop& owner) : owner_(&owner) {}
  void give_up() { owner_ = nullptr; }
  void answer(ConsoleAnswer answer) {
    if (owner_ != nullptr) owner_->on_answer(std::move(answer));
  }

 private:
  ConsoleLoop* owner_;
};

ConsoleLoop::ConsoleLoop(SessionEnvironment& environment, Line& line, Client client,
                         const runtime::SocketAddress& peer)
    : environment_(environment),
      line_(line),
      client_(std::move(client)),
      turns_(std::make_shared<ConsoleTurns>(state_of(client_, line.connection(), peer),
                                            [slots = &environment.slots, pid = client_.process_id] {
                                              slots->drop_temporary(static_cast<std::int32_t>(pid));
                                            })),
      ticket_(std::make_shared<ConsoleTicket>(*this)),
      idle_timer_(environment.loop.timers(), *this),
      statement_timer_(environment.loop.timers(), *this),
      client_timer_(environment.loop.timers(), *this) {
  apply_timeouts();
  await_command();
}

ConsoleLoop::~ConsoleLoop() {
  ticket_->give_up();
  environment_.console->post_release(std::move(turns_));
}

void ConsoleLoop::apply_timeouts() {
  const SessionEnvironment::Options& options = environment_.options;
  timeouts_ =
      client_.settings.timeouts({.idle_session = options.idle_session_timeout, .tcp = options.tcp});
  line_.set_tcp_timeouts(timeouts_.tcp);
}

std::size_t ConsoleLoop::kept_bytes() const {
  const std::size_t settings = client_.settings.kept_bytes();
  return batch_bytes_ + statement_bytes_ + (settings > kUsualSettingsBytes ? settings : 0);
}

void ConsoleLoop::describe(stats::SessionStatus& status) const {
  status.state = busy_                                               ? "active"
                 : transaction_ == console::TransactionStatus::kIdle ? "idle"
                 : transaction_ == console::TransactionStatus::kInBlock
                     ? "idle in transaction"
                     : "idle in transaction (aborted)";
}

Line::Taken ConsoleLoop::take(std::span<const std::byte> bytes) {
  DCHECK(line_.open() && !busy_);
  const wire::CutResult cut = wire::cut_message(bytes, wire::During::kCommands);
  switch (cut.cut) {
    case wire::Cut::kIncomplete:
      return {.bytes_wanted = cut.bytes_wanted};
    case wire::Cut::kBadType:
      refuse(cut.message);
      return {};
    case wire::Cut::kBadLength:
      environment_.strangers.log(client_.for_log(), "invalid message length");
      line_.hang_up();
      return {};
    case wire::Cut::kMessage:
      break;
  }
  idle_timer_.disarm();
  if (cut.message.type == 'X') {
    line_.hang_up();
    return {.bytes = cut.bytes_used};
  }
  const std::span<const std::byte> batch = bytes.first(batch_size(bytes));
  hand_over({batch.begin(), batch.end()});
  return {.bytes = batch.size()};
}

void ConsoleLoop::refuse(const wire::InboundMessage& message) {
  line_.end_with_fatal({.kind = &wire::kProtocolViolation,
                        .what = runtime::format("invalid frontend message type {}",
                                                static_cast<unsigned char>(message.type))});
}

// A cancel that comes from here on is of this batch, whenever the console thread takes it.
void ConsoleLoop::hand_over(std::vector<std::byte> batch) {
  busy_ = true;
  batch_bytes_ = batch.size();
  batch_since_ = environment_.loop.now();
  turns_->forget_cancel();
  if (timeouts_.statement.count() > 0) statement_timer_.arm(batch_since_ + timeouts_.statement);
  client_timer_.arm(batch_since_ + kClientCheckInterval);
  line_.keep_beside(kept_bytes());
  if (line_.open()) post(std::make_shared<std::vector<std::byte>>(std::move(batch)));
}

// The next step, of a new batch if there is one.
void ConsoleLoop::post(std::shared_ptr<std::vector<std::byte>> batch) {
  console::ConsoleThread::Job job = [turns = turns_, ticket = ticket_, batch,
                                     home = &environment_.loop.mailbox(),
                                     loop = &environment_.loop](console::Engine& engine) {
    if (batch != nullptr) turns->begin(std::move(*batch));
    home->post([ticket, loop, answer = std::make_unique<ConsoleAnswer>(turns->step(engine))] {
      loop->assert_in_thread();
      ticket->answer(std::move(*answer));
    });
  };
  if (environment_.console->post(job)) return;
  line_.end_with_fatal({.kind = &wire::kTooManyConnections,
                        .what = "sorry, too many statements are waiting already"});
}

void ConsoleLoop::on_answer(ConsoleAnswer answer) {
  environment_.loop.assert_in_thread();
  if (!line_.open()) return;
  DCHECK(busy_ && !awaits_room_);
  transaction_ = answer.transaction;
  statement_bytes_ = answer.kept_bytes;
  client_.settings = std::move(answer.settings);
  apply_timeouts();
  if (answer.done) {
    busy_ = false;
    batch_bytes_ = 0;
    statement_timer_.disarm();
    client_timer_.disarm();
    if (answer.ready) await_command();
  }
  line_.keep_beside(kept_bytes());
  if (!line_.open()) return;
  // The line may take the next batch within this, if the last one is done.
  line_.send(answer.messages);
  if (!answer.done) go_on();
}

// Unless what waits for the client is enough.
void ConsoleLoop::go_on() {
  if (!line_.open()) return;
  awaits_room_ = line_.output_full();
  if (!awaits_room_) post(nullptr);
}

void ConsoleLoop::on_writable() {
  line_.flush();
  if (awaits_room_) go_on();
}

// Between a ReadyForQuery and the next message; in a transaction block the time is another.
void ConsoleLoop::await_command() {
  const bool in_block = transaction_ != console::TransactionStatus::kIdle;
  const runtime::Duration timeout =
      in_block ? timeouts_.idle_in_transaction : timeouts_.idle_session;
  if (timeout.count() > 0) {
    idle_timer_.arm(environment_.loop.now() + timeout);
  } else {
    idle_timer_.disarm();
  }
}

// A line that ends already has its own deadline.
void ConsoleLoop::on_timer(runtime::Timer& timer) {
  environment_.loop.assert_in_thread();
  if (!line_.open()) return;
  if (&timer == &statement_timer_) return look_at_statement();
  if (&timer == &client_timer_) return look_at_client();
  const bool in_block = transaction_ != console::TransactionStatus::kIdle;
  line_.end_with_fatal({.kind = in_block ? &kIdleInTransactionTimeout : &wire::kIdleSessionTimeout,
                        .what = in_block
                                    ? "terminating connection due to idle-in-transaction timeout"
                                    : "terminating connection due to idle-session timeout"});
}

// Each statement of a string has a time of its own.
void ConsoleLoop::look_at_statement() {
  const runtime::Instant since = std::max(batch_since_, turns_->statement_begun());
  const runtime::Instant due = since + timeouts_.statement;
  if (timeouts_.statement.count() == 0) return;
  if (due > environment_.loop.now()) return statement_timer_.arm(due);
  turns_->time_out();
}

// No message is read meanwhile, so the line does not see its end.
void ConsoleLoop::look_at_client() {
  if (runtime::has_hung_up(line_.connection().fd())) return line_.hang_up();
  client_timer_.arm(environment_.loop.now() + kClientCheckInterval);
}

void ConsoleLoop::cancel() {
  if (busy_) turns_->cancel();
}

// A client that does not read is not waited for, and neither is what runs for it.
void ConsoleLoop::terminate() {
  if (line_.blocked()) return line_.hang_up();
  line_.end_with_fatal(admin_shutdown());
}

void ConsoleLoop::shut_down() {
  if (!line_.open()) return line_.hang_up();
  terminate();
}

// What still runs for the client is to end soon.
void ConsoleLoop::leave() {
  idle_timer_.disarm();
  statement_timer_.disarm();
  client_timer_.disarm();
  ticket_->give_up();
  turns_->cancel();
}

}  // namespace server::session
