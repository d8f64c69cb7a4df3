#include "server/session/session.h"

#include <string>
#include <utility>

#include "memctx/resource.h"
#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "server/wal/format.h"
#include "server/wire/startup.h"

namespace server::session {

namespace {

// Protocol 3.2 came with PostgreSQL 18.
std::uint32_t newest_protocol(const wal::Identity& identity) {
  const bool speaks_32 = wal::major_version(identity.page_magic).value_or(0) >= 18;
  return speaks_32 ? wire::kProtocolVersion32 : wire::kProtocolVersion;
}

}  // namespace

Session::Session(SessionEnvironment& environment, Owner& owner, Arrival arrival)
    : environment_(environment),
      owner_(owner),
      peer_(arrival.peer),
      process_id_(std::move(arrival.process_id)),
      started_(environment.loop.wall_now()),
      line_(environment, *this, std::move(arrival.fd)),
      login_(std::make_unique<Login>(process_id(), arrival.too_many)),
      link_(*this) {
  line_.hang_up_at(environment.loop.now() + environment.options.authentication_timeout);
}

Session::~Session() { environment_.cancel_keys.remove(process_id()); }

bool Session::takes_messages() const {
  return commands_ != nullptr ? commands_->takes_messages() : !line_.output_full();
}

Line::Taken Session::take(std::span<const std::byte> bytes) {
  DCHECK((login_ == nullptr) != (commands_ == nullptr));
  return commands_ != nullptr ? commands_->take(bytes) : log_in(bytes);
}

Line::Taken Session::log_in(std::span<const std::byte> bytes) {
  const wire::CutResult cut = login_->cut(bytes);
  if (cut.cut == wire::Cut::kIncomplete) return {.bytes_wanted = cut.bytes_wanted};
  if (cut.cut == wire::Cut::kBadLength) {
    environment_.strangers.log(peer_.text(), "invalid length of startup packet");
    line_.hang_up();
    return {};
  }
  environment_.message_context.reset();
  memctx::Resource memory(environment_.message_context);
  wire::MessageWriter out(&memory);
  const Login::Server server{.settings = *environment_.settings,
                             .reported_settings = environment_.reported_settings,
                             .newest_protocol = newest_protocol(environment_.view.identity()),
                             .wal_senders = environment_.wal_senders,
                             .max_wal_senders = environment_.options.max_wal_senders,
                             .out_of_memory = environment_.memory.is_used_up()};
  switch (login_->take(cut.message.body, cut.bytes_used < bytes.size(), server, out)) {
    case Login::Next::kMore:
      line_.send(out);
      break;
    case Login::Next::kIn:
      enter(login_->take_entry());
      line_.send(out);
      break;
    case Login::Next::kRefused:
      line_.end_with(out);
      break;
    case Login::Next::kCancelled:
      cancel_another(login_->cancel_request());
      line_.hang_up();
      break;
  }
  return {.bytes = cut.bytes_used};
}

void Session::cancel_another(const wire::CancelRequest& request) {
  const std::uint32_t id = request.process_id;
  switch (environment_.cancel_keys.cancel(id, request.key)) {
    case CancelKeys::Cancel::kPosted:
      break;
    case CancelKeys::Cancel::kNoSuchProcess:
      environment_.strangers.log(
          peer_.text(), runtime::format("PID {} in cancel request did not match any process", id));
      break;
    case CancelKeys::Cancel::kWrongKey:
      environment_.strangers.log(peer_.text(),
                                 runtime::format("wrong key in cancel request for process {}", id));
      break;
  }
}

// The client is in: the login, with all that it has read, is no longer needed.
void Session::enter(Login::Entry entry) {
  line_.keep();
  runtime::log::debug("replication connection authorized: user={} application_name={} host={}",
                      entry.client.user, entry.client.application_name(), peer_.text());
  entry.client.address = peer_.text();
  seat_ = std::move(entry.seat);
  DCHECK(seat_.taken());
  environment_.cancel_keys.add(process_id(), entry.key, environment_.worker);
  CommandLoop::Owner& self = *this;
  commands_ = std::make_unique<CommandLoop>(environment_, line_, std::move(entry.client),
                                            process_id(), self);
  login_.reset();
}

void Session::shut_down() {
  environment_.loop.assert_in_thread();
  if (commands_ == nullptr) return line_.hang_up();
  commands_->shut_down();
}

void Session::terminate() {
  environment_.loop.assert_in_thread();
  if (commands_ != nullptr && line_.open()) commands_->terminate();
}

void Session::cut() {
  environment_.loop.assert_in_thread();
  if (commands_ != nullptr) commands_->cut();
  line_.hang_up();
}

// A session whose line is closed may still wait for a slot command, and has no socket.
void Session::on_reload() {
  environment_.loop.assert_in_thread();
  if (commands_ != nullptr && !line_.closed()) commands_->apply_timeouts();
}

void Session::cancel() {
  environment_.loop.assert_in_thread();
  if (commands_ != nullptr) commands_->cancel();
}

void Session::on_writable() {
  if (commands_ != nullptr) return commands_->on_writable();
  line_.flush();
}

// A client that sends no more may still take its answers, but a standby is of no use then.
void Session::on_end_of_input() {
  if (commands_ == nullptr || !commands_->streaming()) return line_.end_when_sent();
  environment_.strangers.log(peer_.text(), "unexpected EOF on standby connection");
  line_.hang_up();
}

// All that other sessions may want is let go before the client sees the end: its slots, and its
// seat among the walsenders. A client that has seen the end may come back at once.
void Session::on_hang_up() {
  if (commands_ != nullptr) commands_->leave();
  seat_ = SenderSeat();
  line_.close();
  if (commands_ != nullptr && commands_->awaits_last_command()) return;
  owner_.on_session_over(*this);
}

void Session::on_last_command_done() {
  DCHECK(line_.closed());
  owner_.on_session_over(*this);
}

admin::StandbyStatus Session::status() const {
  environment_.loop.assert_in_thread();
  admin::StandbyStatus status;
  status.process_id = process_id();
  status.client = peer_.text();
  status.backend_start = started_;
  status.state = "startup";
  if (commands_ == nullptr) return status;
  status.user = commands_->client().user;
  status.application_name = std::string(commands_->client().application_name());
  commands_->describe(status);
  return status;
}

}  // namespace server::session
