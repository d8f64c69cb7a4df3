#include "server/session.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <utility>

#include "memctx/resource.h"
#include "runtime/check.h"
#include "runtime/log.h"
#include "server/command/handlers.h"
#include "server/command/start.h"
#include "server/stream/errors.h"
#include "server/wire/errors.h"

namespace server {

using runtime::IoResult;
using wire::MessageWriter;
using wire::Severity;

namespace {

std::uint32_t random_key() {
  std::uint32_t key = 0;
  CHECK(::getrandom(&key, sizeof(key), 0) == sizeof(key));
  return key;
}

}  // namespace

Session::Session(SessionEnvironment& environment, Owner& owner, runtime::UniqueFd fd,
                 runtime::SocketAddress peer, std::uint32_t process_id)
    : environment_(environment),
      owner_(owner),
      peer_(peer),
      process_id_(process_id),
      context_(environment.worker_context.create_child("Session", memctx::kSmallArena)),
      connection_(environment.loop, *this, std::move(fd), context_),
      input_(context_),
      sender_(environment.loop, environment.view, environment.send_queue, connection_,
              environment.options.sender, *this),
      timer_(environment.loop.timers(), *this),
      started_(environment.loop.wall_now()),
      link_(*this) {
  timer_.arm(environment.loop.now() + environment.options.authentication_timeout);
}

Session::~Session() {
  if (counted_) environment_.wal_senders.add(-1);
  environment_.worker_context.delete_child(context_);
}

void Session::shut_down() {
  if (sender_.active()) {
    interruption_ = Interruption{Severity::kFatal, std::nullopt};
    input_waits_ = true;
    sender_.interrupt();
  } else if (phase_ == Phase::kCommands) {
    fatal({.kind = &wire::kAdminShutdown,
           .what = "terminating connection due to administrator command"});
  } else {
    close();
  }
}

admin::StandbyStatus Session::status() const {
  static constexpr std::array<std::string_view, 3> kStates{"startup", "catchup", "streaming"};
  const stream::Feedback& feedback = sender_.feedback();
  admin::StandbyStatus status{.process_id = process_id_,
                              .user = client_.user,
                              .application_name = client_.application_name.value_or(""),
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
  // Nothing is said to a client that has not authenticated in time, or does not take its farewell.
  close();
}

// Sessions read into one shared buffer; what is not understood yet goes back to the session.
void Session::read_input() {
  const std::span<std::byte> buffer = environment_.input_buffer;
  const std::size_t kept = input_.restore(buffer);
  const IoResult result = runtime::receive(connection_.fd(), buffer.subspan(kept));
  input_.keep(buffer.first(kept + result.bytes));
  switch (result.status) {
    case IoResult::Status::kDone:
      process_input();
      break;
    case IoResult::Status::kBlocked:
      break;
    case IoResult::Status::kEnd:
      if (sender_.active()) runtime::log::log("unexpected EOF on standby connection");
      close();
      break;
    case IoResult::Status::kFailed:
      runtime::log::debug("could not receive data from client: errno {}", result.sys_errno);
      close();
      break;
  }
}

bool Session::may_process() const {
  return phase_ != Phase::kClosing && !input_waits_ &&
         connection_.queued_bytes() <= kQueuedBytesMax;
}

// The kept bytes are taken message by message, as long as the session is in a state for it.
void Session::process_input() {
  if (processing_) return;  // a turn has flushed; the loop below goes on anyway
  processing_ = true;
  const std::span<std::byte> buffer = environment_.input_buffer;
  const std::size_t size = input_.restore(buffer);
  std::size_t used = 0;
  while (may_process()) {
    const auto rest = std::span<const std::byte>(buffer).subspan(used, size - used);
    const std::size_t taken =
        phase_ == Phase::kStartup ? take_startup_packet(rest) : take_message(rest);
    if (taken == 0) break;
    used += taken;
  }
  processing_ = false;
  if (phase_ == Phase::kClosing) return;
  input_.keep(std::span<const std::byte>(buffer).subspan(used, size - used));
  // Input that cannot be handled yet stays in the socket, and pushes back on the peer.
  connection_.set_reading(may_process());
}

// This and the next return how many bytes they have used; 0 when they need more.
std::size_t Session::take_startup_packet(std::span<const std::byte> bytes) {
  const wire::CutResult cut = wire::cut_startup_packet(bytes);
  if (cut.cut == wire::Cut::kIncomplete) return 0;
  if (cut.cut == wire::Cut::kBadLength) {
    runtime::log::log("invalid length of startup packet");
    close();
    return 0;
  }
  environment_.message_context.reset();
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  switch (startup_.on_packet(cut.message.body, cut.bytes_used < bytes.size(), out)) {
    case Startup::Next::kMorePackets:
      break;
    case Startup::Next::kClose:
      close();
      return cut.bytes_used;
    case Startup::Next::kConnect:
      if (connect(out)) break;
      [[fallthrough]];
    case Startup::Next::kRefused:
      connection_.queue(out.bytes());
      close_when_sent();
      return cut.bytes_used;
  }
  send(out);
  return cut.bytes_used;
}

// From here on it is a walsender (proc.c, InitProcess; postinit.c, InitPostgres). Returns whether
// it may stay; if not, the writer says why.
bool Session::connect(MessageWriter& out) {
  counted_ = true;
  const std::int64_t limit = environment_.options.max_wal_senders;
  if (environment_.wal_senders.add(1) > limit) {
    out.error_response(Severity::kFatal,
                       {.kind = &wire::kTooManyConnections,
                        .what = runtime::format("number of requested standby connections exceeds "
                                                "max_wal_senders (currently {})",
                                                limit)});
    return false;
  }
  out.authentication_ok();
  auto client = startup_.take_parameters(environment_.settings);
  if (!client) {
    out.error_response(Severity::kFatal, client.error());
    return false;
  }
  client_ = std::move(*client);
  if (client_.wal_sender_timeout) sender_.set_timeout(*client_.wal_sender_timeout);
  startup_.greet(environment_.settings, environment_.reported_settings, client_, process_id_,
                 random_key(), out);
  timer_.disarm();
  phase_ = Phase::kCommands;
  runtime::log::debug("replication connection authorized: user={} application_name={} host={}",
                      client_.user, client_.application_name.value_or(""), peer_.text());
  return true;
}

std::size_t Session::take_message(std::span<const std::byte> bytes) {
  const wire::CutResult cut = wire::cut_message(bytes);
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
  environment_.message_context.reset();
  if (phase_ == Phase::kStreaming) {
    stream_turn(cut.message);
  } else {
    turn(cut.message);
  }
  return cut.bytes_used;
}

// One turn of the loop of PostgresMain, outside of COPY.
void Session::turn(const wire::InboundMessage& message) {
  if (ignore_till_sync_ && message.type != 'S' && message.type != 'X') return;
  const runtime::Error no_extended{
      .kind = &wire::kProtocolViolation,
      .what = "extended query protocol not supported in a replication connection"};
  switch (message.type) {
    case 'Q':
      query(message.body);
      break;
    case 'P':
    case 'B':
    case 'E':
    case 'C':
    case 'D':
      ignore_till_sync_ = true;
      error_turn(no_extended);
      break;
    case 'F':
      error_turn({.kind = &wire::kProtocolViolation,
                  .what = "fastpath function calls not supported in a replication connection"});
      break;
    case 'H':
    case 'S':
      ignore_till_sync_ = message.type == 'H' && !message.body.empty();
      if (auto end = wire::ByteReader(message.body).expect_end(); !end) {
        error_turn(end.error());
      } else if (message.type == 'S') {
        send_ready();
      }
      break;
    case 'd':
    case 'c':
    case 'f':
      break;  // left over from a COPY that failed
    case 'X':
      close();
      break;
    default:
      UNREACHABLE();  // the framer knows no other type
  }
}

// One turn inside COPY (walsender.c, ProcessRepliesIfAny).
void Session::stream_turn(const wire::InboundMessage& message) {
  switch (message.type) {
    case 'd':
      if (auto taken = sender_.on_copy_data(message.body); !taken) {
        if (taken.error().kind == &stream::kUnknownStandbyMessage) {
          runtime::log::log("{}", taken.error().what);
          close();
        } else {
          interrupt_stream(Severity::kError, std::move(taken).error());
        }
      }
      break;
    case 'c':
      input_waits_ = true;
      sender_.on_copy_done();
      break;
    case 'X':
      close();
      break;
    default:
      interrupt_stream(Severity::kFatal,
                       {.kind = &wire::kProtocolViolation,
                        .what = runtime::format("invalid standby message type \"{}\"",
                                                message.type)});
  }
}

void Session::query(std::span<const std::byte> body) {
  wire::ByteReader reader(body);
  auto text = reader.string();
  if (!text) return error_turn(text.error());
  if (auto end = reader.expect_end(); !end) return error_turn(end.error());
  runtime::log::debug("received replication command: {}", *text);
  if (!command::is_replication_command(*text)) {
    return error_turn(
        {.kind = &wire::kFeatureNotSupported,
         .what = "cannot execute SQL commands in WAL sender for physical replication"});
  }
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  if (auto ran = run(*text, out); !ran) out.error_response(Severity::kError, ran.error());
  if (phase_ == Phase::kCommands) out.ready_for_query();
  send(out);
}

runtime::Result<void> Session::run(std::string_view text, MessageWriter& out) {
  const command::Parsed parsed = TRY(command::parse(text));
  for (const runtime::Error& notice : parsed.notices) {
    out.notice_response(Severity::kNotice, notice);
  }
  if (const auto* start = std::get_if<command::StartReplication>(&parsed.command)) {
    return start_replication(*start, out);
  }
  return command::execute(parsed.command, environment_.view, environment_.settings,
                          {client_.application_name, client_.client_encoding}, out);
}

runtime::Result<void> Session::start_replication(const command::StartReplication& request,
                                                 MessageWriter& out) {
  const command::StartPoint point = TRY(command::check_start(environment_.view, request));
  if (point.nothing_but.has_value()) {
    command::end_of_stream(point.nothing_but, out);
    return {};
  }
  out.copy_both_response();
  TRY(command::check_not_ahead(environment_.view, point));
  phase_ = Phase::kStreaming;
  sender_.start(point.timeline, point.start);
  return {};
}

void Session::on_stream_ended(std::optional<stream::NextTimeline> next) {
  phase_ = Phase::kCommands;
  input_waits_ = false;
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  command::end_of_stream(next, out);
  out.ready_for_query();
  send(out);
}

void Session::on_stream_failed(const runtime::Error& error) {
  phase_ = Phase::kCommands;
  input_waits_ = false;
  error_turn(error);
}

void Session::on_stream_lost(std::string_view why) {
  if (!why.empty()) runtime::log::log("{} (standby \"{}\")", why, client_.application_name.value_or(""));
  close();
}

void Session::interrupt_stream(Severity severity, runtime::Error error) {
  interruption_ = Interruption{severity, std::move(error)};
  input_waits_ = true;
  sender_.interrupt();
}

void Session::on_stream_interrupted() {
  phase_ = Phase::kCommands;
  input_waits_ = false;
  const Interruption interruption = std::move(*std::exchange(interruption_, std::nullopt));
  if (!interruption.error.has_value()) {
    memctx::Resource memory(environment_.message_context);
    MessageWriter out(&memory);
    out.command_complete("COPY 0");  // WalSndDone
    connection_.queue(out.bytes());
    close_when_sent();
  } else if (interruption.severity == Severity::kFatal) {
    fatal(*interruption.error);
  } else {
    error_turn(*interruption.error);
  }
}

// What the longjmp block of PostgresMain does: the error goes out, and the loop goes on.
void Session::error_turn(const runtime::Error& error) {
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  out.error_response(Severity::kError, error);
  if (!ignore_till_sync_) out.ready_for_query();
  send(out);
}

void Session::send_ready() {
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  out.ready_for_query();
  send(out);
}

void Session::send(const MessageWriter& out) {
  connection_.queue(out.bytes());
  // While a message is on its way, only the sender may put bytes behind it.
  if (!sender_.active()) flush();
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
  sender_.stop();
  owner_.on_session_over(*this);
}

}  // namespace server
