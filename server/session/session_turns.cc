// The turns of a session: what it does about each message. The rest of it is in session.cc.
#include "server/session/session.h"

#include <utility>

#include "memctx/resource.h"
#include "runtime/check.h"
#include "runtime/log.h"
#include "server/command/handlers.h"
#include "server/command/slot_options.h"
#include "server/command/start.h"
#include "server/session/client_text.h"
#include "server/stream/errors.h"
#include "server/wire/errors.h"

namespace server::session {

using wire::MessageWriter;
using wire::Severity;

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
        memctx::Resource memory(environment_.message_context);
        MessageWriter out(&memory);
        be_ready(out);
        send(out);
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
    default: {
      runtime::Error error{
          .kind = &wire::kProtocolViolation,
          .what = runtime::format("invalid standby message type \"{}\"", message.type)};
      if (auto valid = check_sent_text(client_.encoding(), error.what); !valid) {
        error = valid.error();
      }
      interrupt_stream(Severity::kFatal, std::move(error));
    }
  }
}

void Session::query(std::span<const std::byte> body) {
  wire::ByteReader reader(body);
  auto text = reader.string();
  if (!text) return error_turn(text.error());
  if (auto valid = check_received_text(client_.encoding(), *text); !valid) {
    return error_turn(valid.error());
  }
  if (auto end = reader.expect_end(); !end) return error_turn(end.error());
  runtime::log::debug("received replication command: {}", *text);
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  if (auto ran = run(*text, out); !ran) {
    slots_.clean_up();
    out.error_response(Severity::kError, ran.error());
  }
  if (phase_ == Phase::kCommands && !slots_.busy()) be_ready(out);
  send(out);
}

runtime::Result<void> Session::run(std::string_view text, MessageWriter& out) {
  settings::Notices notices;
  const auto parsed = command::parse(text, notices);
  if (!client_.settings.wants_notices()) notices.clear();
  for (const runtime::Error& notice : notices) {
    TRY(check_sent_text(client_.encoding(), notice.what));  // it may be cut in a character
    out.notice_response(Severity::kNotice, notice);
  }
  const command::Command command = TRY(parsed);
  if (const auto* start = std::get_if<command::StartReplication>(&command)) {
    return start_replication(*start, out);
  }
  if (const auto* create = std::get_if<command::CreateSlot>(&command)) {
    return create_slot(*create);
  }
  if (const auto* drop = std::get_if<command::DropSlot>(&command)) {
    slot_created_.clear();
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

runtime::Result<void> Session::start_replication(const command::StartReplication& request,
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
  phase_ = Phase::kStreaming;
  reported_xmin_.reset();
  sender_.start(point.timeline, point.start, slot);
  return {};
}

// RESERVE_WAL keeps the segment that is being filled, since receivers start at a segment's begin. A
// primary goes back to its last checkpoint, which matters to its own base backups.
runtime::Result<void> Session::create_slot(const command::CreateSlot& request) {
  const bool reserve = TRY(command::reserves_wal(request));
  if (request.logical) return command::no_logical_decoding();
  const wal::SegmentSize size = environment_.view.identity().segment_size;
  const wal::Lsn segment = size.start(size.segment_of(environment_.view.end()));
  slot_created_ = request.slot;
  slots_.create(request.slot,
                request.temporary ? slot::Persistence::kTemporary : slot::Persistence::kPersistent,
                reserve ? segment : wal::Lsn());
  return {};
}

void Session::on_slot_command_done(const runtime::Result<void>& done) {
  environment_.loop.assert_in_thread();
  if (over_) {
    slots_.clean_up();
    return owner_.on_session_over(*this);
  }
  environment_.message_context.reset();
  if (!done) return error_turn(done.error());
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  if (slot_created_.empty()) {
    out.command_complete("DROP_REPLICATION_SLOT");
  } else {
    command::slot_created(slot_created_, out);
  }
  be_ready(out);
  send(out);
}

void Session::on_stream_over(stream::StreamEnd end) {
  environment_.loop.assert_in_thread();
  std::visit([this](const auto& how) { end_with(how); }, end);
}

void Session::end_with(const stream::StreamEnded& end) {
  phase_ = Phase::kCommands;
  input_waits_ = false;
  slots_.release();
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  command::end_of_stream(end.next, out);
  be_ready(out);
  send(out);
}

void Session::end_with(const stream::StreamFailed& end) {
  phase_ = Phase::kCommands;
  input_waits_ = false;
  error_turn(end.error);
}

void Session::end_with(const stream::StreamLost& end) {
  if (!end.why.empty()) {
    runtime::log::log("{} (standby \"{}\")", end.why, client_.application_name());
  }
  close();
}

void Session::interrupt_stream(Severity severity, runtime::Error error) {
  interruption_ = Interruption{severity, std::move(error)};
  input_waits_ = true;
  sender_.interrupt();
}

void Session::end_with(const stream::StreamInterrupted& /*end*/) {
  if (!interruption_.has_value()) return end_with(stream::StreamDrained{});
  phase_ = Phase::kCommands;
  input_waits_ = false;
  const Interruption interruption = std::move(*std::exchange(interruption_, std::nullopt));
  if (interruption.severity == Severity::kFatal) return fatal(interruption.error);
  error_turn(interruption.error);
}

// WalSndDone.
void Session::end_with(const stream::StreamDrained& /*end*/) {
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  out.command_complete("COPY 0");
  connection_.queue(out.bytes());
  close_when_sent();
}

void Session::on_status() {
  if (!counts_upstream_) return;
  const stream::Feedback& told = sender_.feedback();
  environment_.quorum.report(process_id_, client_.application_name(),
                             {.write = told.write, .flush = told.flush, .apply = told.apply});
}

// The epochs make ids of 64 bits of them, of which the older is the smaller. A slot keeps them, and
// tells the horizon itself.
void Session::on_feedback(const wire::HotStandbyFeedback& feedback) {
  environment_.loop.assert_in_thread();
  const auto full = [](std::uint32_t epoch, std::uint32_t xid) {
    return xid < wal::kFirstNormalTransactionId ? 0 : (std::uint64_t{epoch} << 32) | xid;
  };
  const wal::Xmin xmin{.data = full(feedback.xmin_epoch, feedback.xmin),
                       .catalog = full(feedback.catalog_xmin_epoch, feedback.catalog_xmin)};
  if (std::exchange(reported_xmin_, xmin) == xmin) return;  // as most do: no lock is worth that
  if (slots_.report_xmin(xmin)) {
    environment_.xmin_horizon.remove(process_id_);  // of an earlier stream
  } else {
    environment_.xmin_horizon.report(process_id_, client_.application_name(), xmin);
  }
}

// What the longjmp block of PostgresMain does: the error goes out, and the loop goes on.
void Session::error_turn(const runtime::Error& error) {
  slots_.clean_up();
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  out.error_response(Severity::kError, error);
  if (!ignore_till_sync_) be_ready(out);
  send(out);
}

void Session::be_ready(MessageWriter& out) {
  out.ready_for_query();
  await_command();
}

}  // namespace server::session
