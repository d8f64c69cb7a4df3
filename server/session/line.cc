#include "server/session/line.h"

#include <algorithm>
#include <utility>

#include "memctx/resource.h"
#include "runtime/check.h"
#include "runtime/log.h"

namespace server::session {

using runtime::IoResult;

Line::Line(SessionEnvironment& environment, Owner& owner, runtime::UniqueFd fd)
    : environment_(environment),
      owner_(owner),
      context_(&environment.worker_context.create_child("Session", memctx::kSmallArena)),
      memory_(environment.memory, *context_),
      connection_(environment.loop, *this, std::move(fd), *context_, &memory_),
      input_(*context_),
      timer_(environment.loop.timers(), *this) {
  CHECK(environment.input_buffer.size() >= Input::kReadBytesMax);
}

void Line::on_ready(std::uint32_t events) {
  environment_.loop.assert_in_thread();
  if (closed()) return;  // the turn has closed it since epoll reported
  if ((events & EPOLLOUT) != 0) owner_.on_writable();
  if (open() && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read();
  if (state_ == State::kClosing && (events & (EPOLLHUP | EPOLLERR)) != 0) hang_up();
}

void Line::on_timer(runtime::Timer& /*timer*/) {
  environment_.loop.assert_in_thread();
  hang_up();
}

void Line::read_now() {
  environment_.loop.assert_in_thread();
  if (connection_.reading()) read();
}

// Of a client that behaves nothing is kept, and there is nothing to look at.
void Line::account() {
  if (closed()) return;
  const bool keeps = input_.size() > 0 || connection_.queued_bytes() > 0;
  if ((!keeps && memory_.counted() == 0) || memory_.count()) return;
  environment_.strangers.log(owner_.address(), "out of memory for the messages of clients");
  hang_up();
}

// All lines of a worker receive into one buffer.
void Line::read() {
  DCHECK(open() && !taking_);
  const std::size_t room = std::min(Input::kReadBytesMax, input_.room());
  const auto buffer = environment_.input_buffer.first(room);
  const IoResult result = runtime::receive(connection_.fd(), buffer);
  switch (result.status) {
    case IoResult::Status::kDone:
      receive(buffer.first(result.bytes));
      account();
      break;
    case IoResult::Status::kBlocked:
      break;
    case IoResult::Status::kEnd:
      owner_.on_end_of_input();
      break;
    case IoResult::Status::kFailed:
      runtime::log::debug("could not receive data from client: errno {}", result.sys_errno);
      hang_up();
      break;
  }
}

// Messages that come whole are taken from the shared buffer, and only what is left is kept.
void Line::receive(std::span<const std::byte> fresh) {
  if (input_.size() == 0) {
    const std::size_t used = take_messages(fresh);
    if (!open()) return;
    input_.append(fresh.subspan(used));
    return push_back();
  }
  input_.append(fresh);
  if (input_.has_wanted()) resume();
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

// Returns how many bytes the messages had that were taken.
std::size_t Line::take_messages(std::span<const std::byte> bytes) {
  DCHECK(!taking_);
  taking_ = true;
  input_.want(0);
  std::size_t used = 0;
  std::size_t messages = 0;
  while (used < bytes.size() && takes_messages()) {
    if (messages++ == kMessagesPerTurn) {
      environment_.loop.go_on_next_turn(*this);
      break;
    }
    const Taken taken = owner_.take(bytes.subspan(used));
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
void Line::push_back() { connection_.set_reading(takes_messages() && !unfinished()); }

void Line::send(const wire::MessageWriter& out) {
  connection_.queue(out.bytes());
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

void Line::end_with(const wire::MessageWriter& last_words) {
  connection_.queue(last_words.bytes());
  end_when_sent();
}

void Line::end_with_fatal(const runtime::Error& error) {
  memctx::Resource memory(environment_.message_context);
  wire::MessageWriter out(&memory);
  out.error_response(wire::Severity::kFatal, error);
  end_with(out);
}

void Line::hang_up() {
  if (!closed()) owner_.on_hang_up();
}

void Line::close() {
  DCHECK(!closed());
  state_ = State::kClosed;
  timer_.disarm();
  finish();
  connection_.close();
  memory_.give_back();
}

void Line::set_tcp_timeouts(const runtime::TcpTimeouts& timeouts) {
  auto set = runtime::set_tcp_timeouts(connection_.fd(), timeouts);
  if (!set) runtime::log::log("{}", set.error().what);
}

}  // namespace server::session
