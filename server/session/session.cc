#include "server/session/session.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "memctx/resource.h"
#include "runtime/check.h"
#include "runtime/log.h"
#include "server/wal/format.h"
#include "server/wire/errors.h"

namespace server::session {

using runtime::IoResult;
using wire::MessageWriter;
using wire::Severity;

namespace {

// Protocol 3.2 came with PostgreSQL 18.
std::uint32_t newest_protocol(const wal::Identity& identity) {
  const bool speaks_32 = wal::major_version(identity.page_magic).value_or(0) >= 18;
  return speaks_32 ? wire::kProtocolVersion32 : wire::kProtocolVersion;
}

runtime::Error admin_shutdown() {
  return {.kind = &wire::kAdminShutdown,
          .what = "terminating connection due to administrator command"};
}

}  // namespace

Session::Session(SessionEnvironment& environment, Owner& owner, Arrival arrival)
    : environment_(environment),
      owner_(owner),
      peer_(arrival.peer),
      process_id_(arrival.process_id),
      too_many_(arrival.too_many),
      context_(environment.worker_context.create_child("Session", memctx::kSmallArena)),
      connection_(environment.loop, *this, std::move(arrival.fd), context_),
      input_(context_),
      sender_(environment.loop, environment.view, environment.send_queue, connection_,
              environment.options.sender, *this),
      slots_(environment.slots, environment.pool, environment.loop.mailbox(), process_id_, *this),
      timer_(environment.loop.timers(), *this),
      started_(environment.loop.wall_now()),
      startup_(newest_protocol(environment.view.identity())),
      link_(*this) {
  timer_.arm(environment.loop.now() + environment.options.authentication_timeout);
}

Session::~Session() {
  if (counted_) environment_.wal_senders.add(-1);
  environment_.cancel_keys.remove(process_id_);
  environment_.worker_context.delete_child(context_);
}

void Session::shut_down() {
  environment_.loop.assert_in_thread();
  stopping_ = true;
  if (sender_.active()) {
    sender_.shut_down();
  } else if (slots_.busy()) {
    slots_.cancel();  // its end will be the session's
  } else if (phase_ == Phase::kCommands) {
    fatal(admin_shutdown());
  } else {
    close();
  }
}

void Session::terminate() {
  environment_.loop.assert_in_thread();
  if (over_ || phase_ == Phase::kClosing || std::exchange(stopping_, true)) return;
  if (!sender_.active()) {
    if (slots_.busy()) return slots_.cancel();  // its end will be the session's
    return fatal(admin_shutdown());
  }
  if (connection_.blocked()) return close();
  timer_.arm(environment_.loop.now() + environment_.options.close_timeout);
  interrupt_stream(Severity::kFatal, admin_shutdown());
}

void Session::cut() {
  environment_.loop.assert_in_thread();
  if (sender_.active() && !sender_.in_message() && connection_.queued_bytes() == 0) {
    runtime::log::warning("terminating walsender process due to replication shutdown timeout");
    sender_.stop();
    end_with(stream::StreamDrained{});
  }
  close();
}

void Session::on_reload() {
  environment_.loop.assert_in_thread();
  // One that is over may still wait for a slot command, and has no socket.
  if (phase_ != Phase::kStartup && !over_) apply_timeouts();
}

// The client's own, or the server's. What is already waited for is waited for as it was.
void Session::apply_timeouts() {
  const SessionEnvironment::Options& options = environment_.options;
  const settings::Timeouts timeouts = client_.settings.timeouts(
      {options.sender.timeout, options.idle_session_timeout, options.tcp});
  sender_.set_timeout(timeouts.wal_sender);
  idle_timeout_ = timeouts.idle_session;
  if (auto set = runtime::set_tcp_timeouts(connection_.fd(), timeouts.tcp); !set) {
    runtime::log::log("{}", set.error().what);
  }
}

void Session::cancel() {
  environment_.loop.assert_in_thread();
  if (slots_.busy()) return slots_.cancel();
  if (!sender_.active() || interruption_.has_value()) return;
  interrupt_stream(Severity::kError, {.kind = &wire::kQueryCanceled,
                                      .what = "canceling statement due to user request"});
}

admin::StandbyStatus Session::status() const {
  environment_.loop.assert_in_thread();
  static constexpr std::array<std::string_view, 4> kStates{"startup", "catchup", "streaming",
                                                           "stopping"};
  const stream::Feedback& feedback = sender_.feedback();
  admin::StandbyStatus status{.process_id = process_id_,
                              .user = client_.user,
                              .application_name = std::string(client_.application_name()),
                              .client = peer_.text(),
                              .backend_start = started_,
                              .state = kStates[static_cast<std::size_t>(sender_.state())],
                              .timeline = sender_.timeline(),
                              .sent = sender_.sent(),
                              .write = feedback.write,
                              .flush = feedback.flush,
                              .apply = feedback.apply,
                              .bytes_sent = sender_.bytes_sent()};
  if (sender_.active()) {
    const wal::Lsn end = environment_.view.end();
    const wal::Lsn acknowledged = feedback.acknowledged();
    status.lag_bytes = acknowledged.valid() && acknowledged < end ? end - acknowledged : 0;
    status.lag = environment_.view.lag_clock()
                     .behind(acknowledged, environment_.loop.now())
                     .value_or(runtime::Duration::zero());
  }
  return status;
}

void Session::on_ready(std::uint32_t events) {
  environment_.loop.assert_in_thread();
  if (over_) return;  // it was closed in this turn
  if ((events & EPOLLOUT) != 0) {
    if (sender_.active()) {
      sender_.on_writable();
    } else {
      flush();
    }
  }
  if (phase_ != Phase::kClosing && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_input();
  if (phase_ == Phase::kClosing && (events & (EPOLLHUP | EPOLLERR)) != 0) close();
}

void Session::on_timer(runtime::Timer& /*timer*/) {
  environment_.loop.assert_in_thread();
  if (phase_ == Phase::kCommands) {
    return fatal({.kind = &wire::kIdleSessionTimeout,
                  .what = "terminating connection due to idle-session timeout"});
  }
  // Nothing is said to a client that has not authenticated in time, or does not take its farewell.
  close();
}

// Sessions read into one shared buffer; what is not understood yet goes back to the session.
void Session::read_input() {
  const std::span<std::byte> buffer = environment_.input_buffer;
  const std::size_t kept = input_.restore(buffer);
  const std::size_t room = std::min(buffer.size() - kept, kReadBytesMax);
  const IoResult result = runtime::receive(connection_.fd(), buffer.subspan(kept, room));
  input_.keep(buffer.first(kept + result.bytes));
  switch (result.status) {
    case IoResult::Status::kDone:
      process_input();
      break;
    case IoResult::Status::kBlocked:
      break;
    case IoResult::Status::kEnd:
      if (sender_.active()) {
        runtime::log::log("unexpected EOF on standby connection");
        close();
      } else {
        close_when_sent();  // it may still take its answers
      }
      break;
    case IoResult::Status::kFailed:
      runtime::log::debug("could not receive data from client: errno {}", result.sys_errno);
      close();
      break;
  }
}

// What is not read now is left in the socket with a purpose.
void Session::take_replies() {
  environment_.loop.assert_in_thread();
  if (connection_.reading()) read_input();
}

bool Session::may_process() const {
  if (phase_ == Phase::kClosing || input_waits_ || slots_.busy()) return false;
  // A sender bounds what it queues by itself, and is told nothing when its queue has drained.
  return sender_.active() || connection_.queued_bytes() <= kQueuedBytesMax;
}

// The kept bytes are taken message by message, as long as the session is in a state for it and has
// not had its share of the turn.
void Session::process_input() {
  if (processing_) return;  // a turn has flushed; the loop below goes on anyway
  processing_ = true;
  const std::span<std::byte> buffer = environment_.input_buffer;
  const std::size_t size = input_.restore(buffer);
  std::size_t used = 0;
  std::size_t messages = 0;
  for (; may_process() && messages < kMessagesPerTurn; ++messages) {
    const auto rest = std::span<const std::byte>(buffer).subspan(used, size - used);
    const std::size_t taken =
        phase_ == Phase::kStartup ? take_startup_packet(rest) : take_message(rest);
    if (taken == 0) break;
    used += taken;
  }
  processing_ = false;
  if (phase_ == Phase::kClosing) return;
  input_.keep(std::span<const std::byte>(buffer).subspan(used, size - used));
  if (messages == kMessagesPerTurn && used < size) environment_.loop.go_on_next_turn(*this);
  // Input that cannot be handled yet stays in the socket, and pushes back on the peer.
  connection_.set_reading(may_process() && !unfinished());
}

// The client has been told that the server is ready for it, and the time that it may idle begins.
void Session::await_command() {
  if (idle_timeout_.count() > 0) {
    timer_.arm(environment_.loop.now() + idle_timeout_);
  } else {
    timer_.disarm();
  }
}

// As take_startup_packet().
std::size_t Session::take_message(std::span<const std::byte> bytes) {
  const auto during = phase_ == Phase::kStreaming ? wire::During::kStream : wire::During::kCommands;
  const wire::CutResult cut = wire::cut_message(bytes, during);
  switch (cut.cut) {
    case wire::Cut::kIncomplete:
      return 0;
    case wire::Cut::kBadType:
      if (phase_ == Phase::kStreaming) {
        stream_turn(cut.message);
      } else {
        fatal({.kind = &wire::kProtocolViolation,
               .what = runtime::format("invalid frontend message type {}",
                                       static_cast<unsigned char>(cut.message.type))});
      }
      return 0;
    case wire::Cut::kBadLength:
      runtime::log::log("invalid message length");
      close();
      return 0;
    case wire::Cut::kMessage:
      break;
  }
  timer_.disarm();
  environment_.message_context.reset();
  if (phase_ == Phase::kStreaming) {
    stream_turn(cut.message);
  } else {
    turn(cut.message);
  }
  return cut.bytes_used;
}

void Session::send(MessageWriter& out) {
  if (stopping_ && !sender_.active()) {
    out.error_response(Severity::kFatal, admin_shutdown());
    connection_.queue(out.bytes());
    return close_when_sent();
  }
  connection_.queue(out.bytes());
  // While a message is on its way, only the sender may put bytes behind it.
  if (!sender_.in_message()) flush();
}

void Session::flush() {
  switch (connection_.flush()) {
    case IoResult::Status::kDone:
      connection_.set_blocked(false);
      if (phase_ == Phase::kClosing) return close();
      if (input_.size() > 0 || !connection_.reading()) process_input();
      break;
    case IoResult::Status::kBlocked:
      connection_.set_blocked(true);
      break;
    case IoResult::Status::kEnd:
    case IoResult::Status::kFailed:
      close();
      break;
  }
}

void Session::fatal(const runtime::Error& error) {
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  out.error_response(Severity::kFatal, error);
  connection_.queue(out.bytes());
  close_when_sent();
}

void Session::close_when_sent() {
  phase_ = Phase::kClosing;
  timer_.arm(environment_.loop.now() + environment_.options.close_timeout);
  connection_.set_reading(false);
  flush();
}

void Session::close() {
  if (std::exchange(over_, true)) return;
  phase_ = Phase::kClosing;
  timer_.disarm();
  finish();
  sender_.stop();
  slots_.clean_up();  // before the client sees the end, and somebody else wants its slot
  environment_.xmin_horizon.remove(process_id_);
  if (counts_upstream_) environment_.quorum.remove(process_id_);
  connection_.close();
  if (slots_.busy()) return slots_.cancel();  // on_slot_command_done() goes on
  owner_.on_session_over(*this);
}

}  // namespace server::session
