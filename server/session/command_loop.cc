#include "server/session/command_loop.h"

#include <utility>
#include <variant>

#include "memctx/resource.h"
#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "runtime/probes.h"
#include "server/command/handlers.h"
#include "server/command/recovery_query.h"
#include "server/command/slot_options.h"
#include "server/command/start.h"
#include "server/session/client_text.h"
#include "server/slot/errors.h"
#include "server/wire/errors.h"

namespace server::session {

using wire::MessageWriter;
using wire::Severity;

namespace {

runtime::Error admin_shutdown() {
  return {.kind = &wire::kAdminShutdown,
          .what = "terminating connection due to administrator command"};
}

runtime::Error not_supported(std::string_view what) {
  return {.kind = &wire::kProtocolViolation,
          .what = runtime::format("{} not supported in a replication connection", what)};
}

}  // namespace

CommandLoop::CommandLoop(SessionEnvironment& environment, Line& line, Client client,
                         std::uint32_t process_id, Owner& owner)
    : environment_(environment),
      line_(line),
      client_(std::move(client)),
      owner_(owner),
      slots_(environment, client_, process_id, *this),
      streaming_(environment, line, slots_, client_, process_id, *this),
      idle_timer_(environment.loop.timers(), *this) {
  apply_timeouts();
  await_command();
}

void CommandLoop::apply_timeouts() {
  const SessionEnvironment::Options& options = environment_.options;
  const settings::Timeouts timeouts =
      client_.settings.timeouts({.wal_sender = options.sender.timeout,
                                 .idle_session = options.idle_session_timeout,
                                 .tcp = options.tcp});
  streaming_.set_timeout(timeouts.wal_sender);
  streaming_.apply_send_delay();
  idle_timeout_ = timeouts.idle_session;
  line_.set_tcp_timeouts(timeouts.tcp);
}

// A Sender bounds what it queues by itself, and nothing calls the session when its queue drains.
bool CommandLoop::takes_messages() const {
  if (streaming_.active()) return streaming_.takes_messages();
  return !slots_.busy() && !line_.output_full();
}

// A standby's few settings count as nothing, as the rest of its session does.
std::size_t CommandLoop::kept_bytes() const {
  const std::size_t bytes = client_.settings.kept_bytes();
  return bytes > kUsualSettingsBytes ? bytes : 0;
}

bool CommandLoop::set_paused(bool paused) {
  if (!streaming_.active()) return false;
  streaming_.set_paused(paused);
  return true;
}

void CommandLoop::on_writable() {
  if (streaming_.active()) return streaming_.on_writable();
  line_.flush();
}

Line::Taken CommandLoop::take(std::span<const std::byte> bytes) {
  DCHECK(line_.open() && !slots_.busy());
  const bool in_copy = streaming_.active();
  const wire::CutResult cut =
      wire::cut_message(bytes, in_copy ? wire::During::kStream : wire::During::kCommands);
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
  reset_memory();
  if (in_copy) {
    streaming_.take(cut.message);
  } else {
    turn(cut.message);
  }
  return {.bytes = cut.bytes_used};
}

void CommandLoop::refuse(const wire::InboundMessage& message) {
  if (streaming_.active()) return streaming_.take(message);
  line_.end_with_fatal({.kind = &wire::kProtocolViolation,
                        .what = runtime::format("invalid frontend message type {}",
                                                static_cast<unsigned char>(message.type))});
}

void CommandLoop::reset_memory() {
  runtime::probes::context_reset(environment_.message_context.name());
  environment_.message_context.reset();
}

// One turn of the loop of PostgresMain, outside of COPY.
void CommandLoop::turn(const wire::InboundMessage& message) {
  if (ignore_till_sync_ && message.type != 'S' && message.type != 'X') return;
  switch (message.type) {
    case 'Q':
      return query(message.body);
    case 'P':
    case 'B':
    case 'E':
    case 'C':
    case 'D':
      ignore_till_sync_ = true;
      return error_turn(not_supported("extended query protocol"));
    case 'F':
      return error_turn(not_supported("fastpath function calls"));
    case 'H':
    case 'S':
      return sync(message);
    case 'd':
    case 'c':
    case 'f':
      return;  // left over from a COPY that failed
    case 'X':
      return line_.hang_up();
    default:
      UNREACHABLE();  // the framer knows no other type
  }
}

// Sync ends what an error of the extended protocol has begun; a Flush with a body is such an error.
void CommandLoop::sync(const wire::InboundMessage& message) {
  const bool flush = message.type == 'H';
  ignore_till_sync_ = flush && !message.body.empty();
  if (auto end = wire::ByteReader(message.body).expect_end(); !end) return error_turn(end.error());
  if (flush) return;
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  be_ready(out);
  send(out);
}

void CommandLoop::query(std::span<const std::byte> body) {
  const auto text = query_text(body);
  if (!text) return error_turn(text.error());
  log_command(*text);
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  if (auto ran = run(*text, out); !ran) {
    log_denial(ran.error());
    slots_.clean_up();
    out.error_response(Severity::kError, ran.error());
  }
  if (!streaming_.active() && !slots_.busy()) be_ready(out);
  send(out);
}

runtime::Result<std::string_view> CommandLoop::query_text(std::span<const std::byte> body) const {
  wire::ByteReader reader(body);
  const std::string_view text = TRY(reader.string());
  TRY(check_received_text(client_.encoding(), text));
  TRY(reader.expect_end());
  return text;
}

// Messages that were written before an error are sent before it. The notices of one command are
// few, unless its client means to be told much.
runtime::Result<void> CommandLoop::run(std::string_view text, MessageWriter& out) {
  if (command::is_recovery_query(text)) {
    command::show_recovery(out);
    return {};
  }
  settings::Notices notices;
  const auto parsed = command::parse(text, notices);
  if (!client_.settings.wants_notices()) notices.clear();
  settings::limit_notices(notices);
  for (const runtime::Error& notice : notices) {
    TRY(check_sent_text(client_.encoding(), notice.what));  // it may be cut in a character
    out.notice_response(Severity::kNotice, notice);
  }
  return execute(TRY(parsed), out);
}

// exec_replication_command.
runtime::Result<void> CommandLoop::execute(const command::Command& command, MessageWriter& out) {
  if (const auto* start = std::get_if<command::StartReplication>(&command)) {
    return start_replication(*start, out);
  }
  if (const auto* create = std::get_if<command::CreateSlot>(&command)) {
    return create_slot(*create);
  }
  if (const auto* drop = std::get_if<command::DropSlot>(&command)) {
    slots_.drop(drop->slot, drop->wait);
    return {};
  }
  if (const auto* read = std::get_if<command::ReadSlot>(&command)) {
    command::show_slot(slots_.read(read->slot), environment_.view, out);
    return {};
  }
  return command::execute(command, environment_.view, *environment_.settings, client_.settings,
                          out);
}

// An error behind CopyBothResponse ends the command as any other does.
runtime::Result<void> CommandLoop::start_replication(const command::StartReplication& request,
                                                     MessageWriter& out) {
  slot::Slot* slot = nullptr;
  if (request.slot.has_value()) slot = TRY(slots_.acquire(*request.slot));
  const command::StartPoint point = TRY(command::check_start(environment_.view, request));
  if (point.nothing_but.has_value()) {
    slots_.release();
    command::end_of_stream(point.nothing_but, out);
    return {};
  }
  out.copy_both_response();
  TRY(command::check_available(environment_.view, point));
  streaming_.start(point, slot);
  return {};
}

// RESERVE_WAL keeps the segment that is being filled, since receivers start at a segment's begin. A
// primary goes back to its last checkpoint, which matters to its own base backups.
runtime::Result<void> CommandLoop::create_slot(const command::CreateSlot& request) {
  const bool reserve = TRY(command::reserves_wal(request));
  if (request.logical) return command::no_logical_decoding();
  const wal::SegmentSize size = environment_.view.identity().segment_size;
  const wal::Lsn segment = size.start(size.segment_of(environment_.view.end()));
  slots_.create(request.slot,
                request.temporary ? slot::Persistence::kTemporary : slot::Persistence::kPersistent,
                reserve ? segment : wal::Lsn());
  return {};
}

void CommandLoop::on_slot_command_done(const runtime::Result<void>& done,
                                       std::string_view created) {
  environment_.loop.assert_in_thread();
  if (line_.closed()) {
    slots_.clean_up();
    return owner_.on_last_command_done();
  }
  reset_memory();
  if (!done) {
    log_denial(done.error());
    return error_turn(done.error());
  }
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  if (created.empty()) {
    out.command_complete("DROP_REPLICATION_SLOT");
  } else {
    command::slot_created(created, out);
  }
  be_ready(out);
  send(out);
}

// walsender.c, exec_replication_command.
void CommandLoop::log_command(std::string_view text) const {
  using runtime::log::Level;
  const Level level =
      environment_.options.logged.replication_commands ? Level::kLog : Level::kDebug;
  if (!runtime::log::enabled(level)) return;
  runtime::log::write(level, runtime::format("received replication command: {}", text),
                      client_.for_log(), runtime::log::Address::kNotNamed);
}

// Each refusal is logged with the role, its rule and its address.
void CommandLoop::log_denial(const runtime::Error& error) {
  if (error.kind != &slot::kNotOwner) return;
  environment_.strangers.log(client_.for_log(), runtime::format("{}: role \"{}\", {}", error.what,
                                                                client_.user, client_.grants.rule));
}

void CommandLoop::on_stream_over(const runtime::Result<std::optional<stream::NextTimeline>>& end) {
  line_.await_reading();
  if (!end) return error_turn(end.error());
  slots_.release();
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  command::end_of_stream(*end, out);
  be_ready(out);
  send(out);
}

// What the longjmp block of PostgresMain does: the error goes out, and the loop goes on.
void CommandLoop::error_turn(const runtime::Error& error) {
  slots_.clean_up();
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  out.error_response(Severity::kError, error);
  if (!ignore_till_sync_) be_ready(out);
  send(out);
}

void CommandLoop::be_ready(MessageWriter& out) {
  out.ready_for_query();
  await_command();
}

void CommandLoop::await_command() {
  if (idle_timeout_.count() > 0) {
    idle_timer_.arm(environment_.loop.now() + idle_timeout_);
  } else {
    idle_timer_.disarm();
  }
}

// A line that ends already has its own deadline.
void CommandLoop::on_timer(runtime::Timer& /*timer*/) {
  environment_.loop.assert_in_thread();
  DCHECK(!streaming_.active() && !slots_.busy());
  if (!line_.open()) return;
  line_.end_with_fatal({.kind = &wire::kIdleSessionTimeout,
                        .what = "terminating connection due to idle-session timeout"});
}

void CommandLoop::send(MessageWriter& out) {
  DCHECK(!streaming_.in_message());
  if (!stopping_) return line_.send(out);
  DCHECK(!streaming_.active());  // no command begins any more
  out.error_response(Severity::kFatal, admin_shutdown());
  line_.end_with(out.bytes());
}

void CommandLoop::cancel() {
  if (slots_.busy()) return slots_.cancel();
  streaming_.cancel();
}

void CommandLoop::terminate() {
  if (std::exchange(stopping_, true)) return;
  if (streaming_.active()) return streaming_.terminate(admin_shutdown());
  if (slots_.busy()) return slots_.cancel();  // send() adds the FATAL error to what it answers
  line_.end_with_fatal(admin_shutdown());
}

void CommandLoop::shut_down() {
  stopping_ = true;
  if (streaming_.active()) return streaming_.shut_down();
  if (slots_.busy()) return slots_.cancel();  // as in terminate()
  if (!line_.open()) return line_.hang_up();
  line_.end_with_fatal(admin_shutdown());
}

void CommandLoop::leave() {
  idle_timer_.disarm();
  streaming_.leave();
  slots_.clean_up();
}

bool CommandLoop::awaits_last_command() {
  DCHECK(line_.closed());
  if (!slots_.busy()) return false;
  slots_.cancel();
  return true;
}

}  // namespace server::session
