#include "server/session/session.h"

#include <algorithm>
#include <string>
#include <utility>

#include "memctx/resource.h"
#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/users.h"
#include "server/auth/secret.h"
#include "server/session/cancel_request.h"
#include "server/session/command_loop.h"
#include "server/session/console_loop.h"
#include "server/session/session_description.h"
#include "server/source/ack_policy.h"
#include "server/wal/format.h"
#include "server/wire/startup.h"

namespace server::session {

namespace {

// PostgreSQL before 17 does not know a client that begins with a handshake.
bool knows_direct_tls(const wal::Identity& identity) {
  return wal::major_version(identity.page_magic).value_or(0) >= 17;
}

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
      place_(std::move(arrival.place)),
      started_(environment.loop.wall_now()),
      log_(environment, peer_.text(), process_id_.value(), started_),
      line_(environment, *this, std::move(arrival.fd)),
      refusal_(environment, *this),
      link_(*this) {
  const std::int64_t uid = peer_.is_unix() ? runtime::peer_uid(line_.connection().fd()) : -1;
  login_ = std::make_unique<Login>(process_id(), arrival.too_many,
                                   Login::Peer{.address = peer_, .uid = uid});
  line_.hang_up_at(environment.loop.now() + environment.options.authentication_timeout);
  if (offers_tls() && knows_direct_tls(environment.view.identity())) line_.expect_tls();
}

Session::~Session() {
  environment_.cancel_keys.remove(process_id());
  if (awaits_job_ != nullptr) awaits_job_->give_up();
}

bool Session::takes_messages() const {
  if (message_loop_ != nullptr) return message_loop_->takes_messages();
  return awaits_job_ == nullptr && handshake_ == nullptr && !line_.output_full();
}

Line::Taken Session::take(std::span<const std::byte> bytes) {
  DCHECK((login_ == nullptr) != (message_loop_ == nullptr));
  return message_loop_ != nullptr ? message_loop_->take(bytes) : log_in(bytes);
}

Login::Server Session::server_facts() {
  return {.settings = *environment_.settings,
          .reported_settings = environment_.reported_settings,
          .newest_protocol = newest_protocol(environment_.view.identity()),
          .wal_senders = environment_.wal_senders,
          .max_wal_senders = environment_.options.max_wal_senders,
          .offers_tls = offers_tls(),
          .out_of_memory = environment_.memory.is_used_up(),
          .policy = environment_.policy,
          .place = &place_,
          .console_clients = environment_.console_clients,
          .max_console_connections = environment_.options.max_console_connections,
          .major_version = wal::major_version(environment_.view.identity().page_magic).value_or(15),
          .now = environment_.loop.wall_now()};
}

Line::Taken Session::log_in(std::span<const std::byte> bytes) {
  if (refusal_.waits()) return {.bytes = bytes.size()};  // nothing helps this client any more
  const wire::CutResult cut = login_->cut(bytes);
  if (cut.cut == wire::Cut::kIncomplete) return {.bytes_wanted = cut.bytes_wanted};
  if (login_->authenticates()) return authenticate(cut);
  if (cut.cut == wire::Cut::kBadLength) {
    log_.say("invalid length of startup packet");
    line_.hang_up();
    return {};
  }
  const bool more_follow = cut.bytes_used < bytes.size();
  const Login::Next next = take_step([&](wire::MessageWriter& out) {
    return login_->take(cut.message.body, more_follow, server_facts(), out);
  });
  // Bytes that have come before a handshake are not looked at.
  return {.bytes = next == Login::Next::kTls ? bytes.size() : cut.bytes_used};
}

// A step of the login, and what it wants the client to read.
template <typename Step>
Login::Next Session::take_step(Step step) {
  environment_.message_context.reset();
  memctx::Resource memory(environment_.message_context);
  wire::MessageWriter out(&memory);
  const Login::Next next = step(out);
  account();
  if (line_.open()) go_on(next, out);
  return next;
}

// The message may be a password, which is not left in the buffer that other sessions use too.
Line::Taken Session::authenticate(const wire::CutResult& cut) {
  take_step([&](wire::MessageWriter& out) {
    const Login::Next next = login_->take_answer(cut, server_facts(), out);
    const std::span<const std::byte> body = cut.message.body;
    auth::wipe({const_cast<std::byte*>(body.data()), body.size()});
    return next;
  });
  return {.bytes = cut.bytes_used};
}

void Session::on_login_job(const LoginJob& job) {
  environment_.loop.assert_in_thread();
  awaits_job_.reset();
  if (!line_.open()) return;
  take_step([&](wire::MessageWriter& out) {
    return job.was_check() ? login_->on_checked(job.right(), server_facts(), out)
                           : login_->on_answer(job.answered(), server_facts(), out);
  });
}

void Session::go_on(Login::Next next, const wire::MessageWriter& out) {
  switch (next) {
    case Login::Next::kMore:
      return line_.send(out);
    case Login::Next::kLookUp:
      begin_to_await();
      submit(login_->question(), kind_of(login_->question()));
      return line_.send(out);
    case Login::Next::kAskRole:
      ask_role(login_->role_question());
      return line_.send(out);
    case Login::Next::kCheck:
      return check_password(login_->take_check());
    case Login::Next::kTls:
      line_.send(out);
      return shake_hands();
    case Login::Next::kIn:
      enter(login_->take_entry());
      return line_.send(out);
    case Login::Next::kRefused:
      return refuse(out);
    case Login::Next::kCancelled:
      cancel_another(environment_, peer_, log_, login_->cancel_request());
      return line_.hang_up();
  }
}

// The socket of a client that has read no more than an 'S' or an 'N' has room for another byte.
void Session::shake_hands() {
  if (!line_.open()) return;
  if (line_.connection().queued_bytes() > 0) return line_.hang_up();
  Handshake::Owner& self = *this;
  handshake_ = std::make_unique<Handshake>(environment_.loop, environment_.handshakes, self,
                                           Origin(peer_), environment_.tls, line_.lend_socket());
}

// A reload may have ended TLS since the client came.
void Session::on_tls_begun() {
  DCHECK(login_ != nullptr);
  if (environment_.tls == nullptr) {
    log_.say("invalid length of startup packet");
    return line_.hang_up();
  }
  is_direct_tls_ = true;
  shake_hands();
}

// A few bytes of a client make its handshake take much: where all have taken that much, it waits.
bool Session::may_shake() {
  constexpr std::size_t kBytes = runtime::TlsChannel::kHandshakeMemoryBytes;
  if (!line_.open() || !line_.may_keep_beside(kept() + kBytes)) return false;
  handshake_bytes_ = kBytes;
  account();
  DCHECK(line_.open());
  return true;
}

// A client that has asked for TLS may use ALPN, one that has begun with it must
// (backend_startup.c, ProcessSSLStartup).
void Session::on_tls_agreed(ShakingSocket socket, runtime::TlsAgreement agreed) {
  environment_.loop.assert_in_thread();
  if (!line_.open()) return;
  if (is_direct_tls_ && !agreed.has_alpn) {
    return on_tls_failed(std::move(socket),
                         {.kind = nullptr,
                          .what = "received direct SSL connection request without ALPN protocol "
                                  "negotiation extension"});
  }
  log_.on_tls(agreed);
  login_->set_tls(describe_tls(*socket.context, std::move(agreed)));
  handshake_.reset();
  handshake_bytes_ = 0;
  account();
  line_.take_back(std::move(socket.fd), std::move(socket.channel));
  if (!is_direct_tls_) take_step([&](wire::MessageWriter& out) { return login_->on_tls(out); });
}

void Session::on_tls_failed(ShakingSocket socket, const runtime::Error& error) {
  environment_.loop.assert_in_thread();
  if (!line_.open()) return;
  std::string line = error.what;
  if (!error.detail.empty()) line += " " + error.detail;
  if (!error.hint.empty()) line += " " + error.hint;
  log_.say(line);
  line_.take_back(std::move(socket.fd), nullptr);
  line_.hang_up();
}

// An answer that is to wait is not in the line before its time. The deadline of the login is not
// put off.
void Session::refuse(const wire::MessageWriter& last_words) {
  refusal_.note(*login_, peer_, log_.client());
  if (!refusal_.waits()) return line_.end_with(last_words.bytes());
  refusal_.keep(last_words);
}

void Session::on_refusal_due() {
  if (line_.closed()) return owner_.on_session_over(*this);
  if (line_.open()) line_.end_with(refusal_.last_words());
}

// For a session that is to end now: it waits no longer for the time at which a guess is answered.
void Session::hang_up_now() {
  line_.hang_up();
  if (refusal_.waits()) owner_.on_session_over(*this);
  refusal_.give_up();
}

// The password waits in memory of its own until the pool has looked at it.
void Session::check_password(auth::PasswordCheck check) {
  begin_to_await(check.bytes());
  account();
  if (line_.open()) submit(std::move(check), runtime::JobKind::kDerive);
}

void Session::begin_to_await(std::size_t bytes) {
  CHECK(awaits_job_ == nullptr);
  LoginJobOwner& self = *this;
  awaits_job_ = std::make_shared<LoginTicket>(self, bytes);
}

template <typename Task>
void Session::submit(Task task, runtime::JobKind kind) {
  environment_.pool.submit(std::make_unique<LoginJob>(awaits_job_, Origin(peer_), std::move(task)),
                           environment_.loop.mailbox(), kind);
}

// The waiter is called on any thread, perhaps on this one before ask() returns.
void Session::ask_role(const RoleQuestion& question) {
  begin_to_await();
  const auto waiter = [ticket = awaits_job_,
                       home = &environment_.loop.mailbox()](auth::RoleAnswer given) {
    home->post([ticket, owned = std::make_unique<auth::RoleAnswer>(std::move(given))] {
      if (ticket->owner() != nullptr) ticket->owner()->on_role(std::move(*owned));
    });
  };
  question.cache->ask(question.name, question.wish, waiter, Origin(peer_).text());
}

void Session::on_role(auth::RoleAnswer given) {
  environment_.loop.assert_in_thread();
  awaits_job_.reset();
  if (!line_.open()) return;
  take_step([&](wire::MessageWriter& out) {
    return login_->on_role(std::move(given), server_facts(), out);
  });
}

// The client is in: the login, with all that it has read, is no longer needed.
void Session::enter(Login::Entry entry) {
  line_.keep();
  if (login_->gave_proof()) environment_.admissions.on_success(Origin(peer_), login_->role());
  entry.client.address = peer_.text();
  entry.client.process_id = process_id();
  entry.client.started = started_;
  seat_ = std::move(entry.seat);
  DCHECK(seat_.taken());
  environment_.cancel_keys.add(process_id(), entry.key, environment_.worker);
  if (entry.is_console) {
    message_loop_ =
        std::make_unique<ConsoleLoop>(environment_, line_, std::move(entry.client), peer_);
  } else {
    MessageLoop::Owner& self = *this;
    message_loop_ = std::make_unique<CommandLoop>(environment_, line_, std::move(entry.client),
                                                  process_id(), self);
  }
  log_.on_authorized(message_loop_->client(),
                     entry.is_console ? SessionLog::Kind::kConsole : SessionLog::Kind::kWalsender);
  login_.reset();
  account();
}

void Session::shut_down() {
  environment_.loop.assert_in_thread();
  if (message_loop_ != nullptr) return message_loop_->shut_down();
  hang_up_now();
}

void Session::terminate() {
  environment_.loop.assert_in_thread();
  if (message_loop_ != nullptr && line_.open()) message_loop_->terminate();
}

void Session::cut() {
  environment_.loop.assert_in_thread();
  if (message_loop_ != nullptr) message_loop_->cut();
  hang_up_now();
}

// A session whose line is closed may still wait for a slot command, and has no socket.
void Session::on_reload() {
  environment_.loop.assert_in_thread();
  if (message_loop_ != nullptr && !line_.closed()) message_loop_->apply_timeouts();
}

void Session::cancel() {
  environment_.loop.assert_in_thread();
  if (message_loop_ != nullptr) message_loop_->cancel();
}

bool Session::look_at_pauses(std::string_view name) {
  environment_.loop.assert_in_thread();
  if (message_loop_ == nullptr || !message_loop_->streaming()) return false;
  const std::string_view own = message_loop_->client().application_name();
  return source::names_standby(name, own) &&
         message_loop_->set_paused(environment_.pauses->contains(own));
}

void Session::on_writable() {
  if (message_loop_ != nullptr) return message_loop_->on_writable();
  line_.flush();
}

// A client that sends no more may still take its answers, but a standby is of no use then.
void Session::on_end_of_input() {
  if (refusal_.waits()) return line_.hang_up();
  if (message_loop_ == nullptr || !message_loop_->streaming()) return line_.end_when_sent();
  log_.say("unexpected EOF on standby connection");
  line_.hang_up();
}

// All that other sessions may want is let go before the client sees the end: its slots, and its
// seat among the walsenders. A client that has seen the end may come back at once. Only one that
// does not wait for the answer to a wrong proof keeps its place until then, among the start-ups of
// its address, so that it is no faster than those that wait.
void Session::on_hang_up() {
  if (message_loop_ != nullptr) message_loop_->leave();
  log_.on_disconnection();
  seat_ = SenderSeat();
  if (login_ != nullptr) leave_login();
  if (!refusal_.waits()) place_ = Admissions::Place();
  line_.close();
  if (refusal_.waits()) return;
  if (message_loop_ != nullptr && message_loop_->awaits_last_command()) return;
  owner_.on_session_over(*this);
}

// A wrong proof is one even if its client hangs up before it is told so.
void Session::leave_login() {
  memctx::Resource memory(environment_.message_context);
  wire::MessageWriter unread(&memory);
  if (login_->end_without_client(server_facts(), unread))
    refusal_.note(*login_, peer_, log_.client());
  login_->give_up_seat();
}

void Session::on_last_command_done() {
  DCHECK(line_.closed());
  owner_.on_session_over(*this);
}

stats::SessionStatus Session::status() const {
  environment_.loop.assert_in_thread();
  stats::SessionStatus status{.process_id = process_id(), .backend_start = started_};
  status.state = "startup";
  describe_line(peer_, line_.connection(), status);
  if (message_loop_ == nullptr) return status;
  describe_client(message_loop_->client(), status);
  message_loop_->describe(status);
  return status;
}

}  // namespace server::session
