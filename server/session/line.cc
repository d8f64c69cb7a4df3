#include "server/session/line.h"

#include <algorithm>
#include <utility>

#include "memctx/resource.h"
#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "server/auth/secret.h"

namespace server::session {

using runtime::IoResult;

Line::Line(SessionEnvironment& environment, Owner& owner, runtime::UniqueFd fd)
    : environment_(environment),
      owner_(owner),
      context_(&environment.worker_context.create_child("Session", memctx::kSmallArena)),
      memory_(environment.memory, *context_),
      connection_(environment.loop, *this, std::move(fd), *context_, &memory_),
      input_(*context_),
      timer_(environment.loop.timers(), *this),
      stalls_(environment.loop, connection_, *this) {
  CHECK(environment.input_buffer.size() >= Input::kReadBytesMax);
}

void Line::on_ready(std::uint32_t events) {
  environment_.loop.assert_in_thread();
  if (closed()) return;  // the turn has closed it since epoll reported
  const bool input_waited = connection_.input_waits_for_output();
  const bool output_waited = connection_.output_waits_for_input();
  if ((events & EPOLLOUT) != 0) owner_.on_writable();
  const bool may_read = input_waited && connection_.reading();
  if (open() && (may_read || (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)) read();
  if (output_waited && !closed()) owner_.on_writable();
  if (state_ == State::kClosing && (events & (EPOLLHUP | EPOLLERR)) != 0) hang_up();
}

void Line::on_timer(runtime::Timer& /*timer*/) {
  environment_.loop.assert_in_thread();
  hang_up();
}

// Input that was kept comes first, then bytes that TLS has received and not told epoll of.
void Line::go_on() {
  environment_.loop.assert_in_thread();
  going_on_ = true;
  resume();
  if (open() && connection_.reading() && connection_.has_unread()) read();
  going_on_ = false;
}

void Line::take_back(runtime::UniqueFd socket, std::unique_ptr<runtime::TlsChannel> tls) {
  DCHECK(open() && input_.size() == 0);
  connection_.take_back(std::move(socket), std::move(tls));
  push_back();
}

void Line::read_now() {
  environment_.loop.assert_in_thread();
  if (connection_.reading()) read();
}

// Of a client that behaves nothing is kept, and there is nothing to look at.
void Line::account() {
  if (closed()) return;
  const bool keeps = input_.size() > 0 || connection_.queued_bytes() > 0 || memory_.beside() > 0;
  if ((!keeps && memory_.counted() == 0) || memory_.count()) return;
  environment_.strangers.log(owner_.log_client(), "out of memory for the messages of clients");
  hang_up();
}

void Line::keep_beside(std::size_t bytes) {
  memory_.keep_beside(bytes);
  account();
}

void Line::on_stalled(const char* what) {
  environment_.strangers.log(owner_.log_client(),
                             runtime::format("terminating connection: {}", what));
  hang_up();
}

// All lines of a worker receive into one buffer.
void Line::read() {
  DCHECK(open() && !taking_);
  if (may_begin_tls_ && has_begun_tls()) return owner_.on_tls_begun();
  const std::size_t room = std::min(Input::kReadBytesMax, input_.room());
  const auto buffer = environment_.input_buffer.first(room);
  const IoResult result = connection_.receive(buffer);
  switch (result.status) {
    case IoResult::Status::kDone:
      receive(buffer.first(result.bytes));
      account();
      break;
    case IoResult::Status::kBlocked:
      await_records();
      break;
    case IoResult::Status::kEnd:
      owner_.on_end_of_input();
      break;
    case IoResult::Status::kFailed:
      log_failure(result.sys_errno);
      hang_up();
      break;
  }
}

// Records that TLS has answered by itself wait for their client as any other output does.
void Line::await_records() {
  if (!connection_.has_unsent_records() || connection_.blocked()) return;
  connection_.set_blocked(true);
  if (kept_) await_reading();
}

// The first byte of a record of TLS, and of no start-up packet that is as long as one may be
// (backend_startup.c, ProcessSSLStartup).
bool Line::has_begun_tls() {
  constexpr std::byte kHandshake{0x16};
  std::byte first{};
  const IoResult result = runtime::peek(connection_.fd(), {&first, 1});
  may_begin_tls_ = result.status == IoResult::Status::kBlocked;
  return result.status == IoResult::Status::kDone && first == kHandshake;
}

// What a client does to its own TLS is for the operator to know, as PostgreSQL has it.
void Line::log_failure(int sys_errno) {
  if (const std::string why = connection_.tls_failure(); !why.empty()) {
    environment_.strangers.log(owner_.log_client(), why);
  }
  runtime::log::debug("could not receive data from client: errno {}", sys_errno);
}

// Before the client is in, the login's deadline is the time for all messages. What a client has
// sent behind a command that runs is not a message that it has begun.
void Line::watch_rest() {
  if (kept_ && open() && input_.size() > 0 && takes_messages() && !input_.has_wanted()) {
    stalls_.await_rest(environment_.options.client_read_timeout);
  }
}

// Messages that come whole are taken from the shared buffer, and only what is left is kept.
void Line::receive(std::span<const std::byte> fresh) {
  const bool may_have_secret = !kept_;
  take_or_keep(fresh);
  // Before the client is in, it may send a password, and the buffer is that of all sessions.
  if (may_have_secret) auth::wipe(environment_.input_buffer.first(fresh.size()));
}

void Line::take_or_keep(std::span<const std::byte> fresh) {
  if (input_.size() == 0) {
    const std::size_t used = take_messages(fresh);
    if (!open()) return;
    input_.append(fresh.subspan(used));
    return push_back();
  }
  input_.append(fresh);
  resume();
}

// Takes what was kept, as far as it can be taken now. Within a turn of its own, which may have sent
// something or ended a stream, take_messages() goes on by itself.
void Line::resume() {
  if (taking_ || !open()) return;
  if (input_.has_wanted()) {
    const std::size_t used = take_messages(input_.bytes());
    if (!open()) return;
    input_.consume(used);
  }
  push_back();
}

// Commands may take long to answer, and many clients may send them. The time of a turn that they
// have together is up for all of them at once; a line whose turn it is takes one message at least.
bool Line::must_wait(std::size_t messages) const {
  if (messages == kMessagesPerTurn) return true;
  if (owner_.in_stream() || (going_on_ && messages == 0)) return false;
  return environment_.loop.turn_is_long();
}

// Returns how many bytes the messages had that were taken.
std::size_t Line::take_messages(std::span<const std::byte> bytes) {
  DCHECK(!taking_);
  taking_ = true;
  input_.want(0);
  std::size_t used = 0;
  std::size_t messages = 0;
  while (used < bytes.size() && takes_messages()) {
    if (must_wait(messages++)) {
      environment_.loop.go_on_next_turn(*this);
      break;
    }
    const Taken taken = owner_.take(bytes.subspan(used));
    if (taken.bytes > 0) stalls_.have_rest();
    DCHECK(taken.bytes <= bytes.size() - used && taken.bytes_wanted <= Input::kBytesMax);
    if (taken.bytes == 0) {
      input_.want(taken.bytes_wanted);
      break;
    }
    used += taken.bytes;
  }
  taking_ = false;
  return used;
}

// Input that cannot be handled yet stays in the socket, and pushes back on the client.
void Line::push_back() {
  connection_.set_reading(takes_messages() && !unfinished());
  if (connection_.reading() && connection_.has_unread()) environment_.loop.go_on_next_turn(*this);
  watch_rest();
}

void Line::send(std::span<const std::byte> messages) {
  if (!messages.empty()) connection_.queue(messages);
  flush();
  account();
}

void Line::flush() {
  switch (connection_.flush()) {
    case IoResult::Status::kDone:
      connection_.set_blocked(false);
      if (state_ == State::kClosing) return hang_up();
      resume();
      break;
    case IoResult::Status::kBlocked:
      connection_.set_blocked(true);
      if (kept_) await_reading();
      break;
    case IoResult::Status::kEnd:
    case IoResult::Status::kFailed:
      hang_up();
      break;
  }
}

// An end that is put off by what happens on its way would be as far off as the client likes.
void Line::hang_up_at(runtime::Instant deadline) {
  if (!timer_.armed() || deadline < timer_.deadline()) timer_.arm(deadline);
}

void Line::end_when_sent() {
  DCHECK(!closed());
  state_ = State::kClosing;
  hang_up_at(environment_.loop.now() + environment_.options.close_timeout);
  connection_.set_reading(false);
  flush();
}

void Line::end_with(std::span<const std::byte> last_words) {
  connection_.queue(last_words);
  end_when_sent();
}

void Line::end_with_fatal(const runtime::Error& error) {
  memctx::Resource memory(environment_.message_context);
  wire::MessageWriter out(&memory);
  out.error_response(wire::Severity::kFatal, error);
  end_with(out.bytes());
}

void Line::hang_up() {
  if (!closed()) owner_.on_hang_up();
}

void Line::close() {
  DCHECK(!closed());
  state_ = State::kClosed;
  timer_.disarm();
  stalls_.stop();
  finish();
  connection_.close();
  memory_.give_back();
}

void Line::set_tcp_timeouts(const runtime::TcpTimeouts& timeouts) {
  auto set = runtime::set_tcp_timeouts(connection_.fd(), timeouts);
  if (!set) runtime::log::log("{}", set.error().what);
}

}  // namespace server::session
