#include "server/session/streaming.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <variant>

#include "memctx/resource.h"
#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "runtime/probes.h"
#include "server/session/client_text.h"
#include "server/session/session_description.h"
#include "server/stats/sync_states.h"
#include "server/stream/errors.h"
#include "server/wire/errors.h"

namespace server::session {

using wire::Severity;

namespace {

// The epoch and the id of a transaction make one number, which is smaller for an older transaction.
// 0 stands for no transaction.
std::uint64_t full_transaction_id(std::uint32_t epoch, std::uint32_t id) {
  return id < wal::kFirstNormalTransactionId ? 0 : (std::uint64_t{epoch} << 32) | id;
}

bool applies(const stream::SendDelay& delay, std::string_view application_name) {
  const auto& exempt = delay.exempt_names;
  return delay.time.count() > 0 &&
         std::none_of(exempt.begin(), exempt.end(), [&](const std::string& name) {
           return source::names_standby(name, application_name);
         });
}

}  // namespace

Streaming::Streaming(SessionEnvironment& environment, Line& line, SessionSlots& slots,
                     const Client& client, std::uint32_t process_id, Owner& owner)
    : environment_(environment),
      line_(line),
      slots_(slots),
      client_(client),
      process_id_(process_id),
      owner_(owner),
      is_awaited_(environment.quorum.policy().counts(client.application_name())),
      counts_upstream_(is_awaited_ && client.grants.bears_name),
      sender_(environment.loop, environment.view, environment.send_queue, line.connection(),
              environment.options.sender, *this) {}

// Of a stream that drains nothing is put off, whatever a reload says.
void Streaming::apply_send_delay() {
  if (sender_.state() == stream::Sender::State::kStopping) return;
  sender_.set_gathers(!is_awaited_ &&
                      applies(environment_.options.send_delay, client_.application_name()));
}

void Streaming::start(const command::StartPoint& point, slot::Slot* slot) {
  CHECK(!active());
  state_ = State::kRunning;
  interruption_.reset();
  reported_xmin_.reset();
  warn_of_name();
  set_paused(environment_.pauses != nullptr &&
             environment_.pauses->contains(client_.application_name()));
  sender_.start(point.timeline, point.start, slot);
  DCHECK(sender_.active());
}

// A standby under a name that its role may not bear has its WAL, and its word counts for nothing.
void Streaming::warn_of_name() {
  if (counts_upstream_ || !is_awaited_ || std::exchange(wrong_name_logged_, true)) return;
  environment_.strangers.warning(
      client_.for_log("streaming"),
      runtime::format("standby \"{}\" does not count for upstream_ack, since role \"{}\" may not "
                      "bear that name: {}",
                      client_.application_name(), client_.user, client_.grants.rule));
}

// ProcessRepliesIfAny.
void Streaming::take(const wire::InboundMessage& message) {
  DCHECK(takes_messages() && sender_.active());
  switch (message.type) {
    case 'd':
      return take_copy_data(message.body);
    case 'c':
      state_ = State::kEnding;
      return sender_.on_copy_done();
    case 'X':
      return line_.hang_up();
    default:
      return refuse(message.type);
  }
}

void Streaming::take_copy_data(std::span<const std::byte> body) {
  auto taken = sender_.on_copy_data(body);
  if (taken) return;
  if (taken.error().kind != &stream::kUnknownStandbyMessage) {
    return interrupt(Severity::kError, std::move(taken).error());
  }
  environment_.strangers.log(client_.for_log("streaming"), taken.error().what);
  line_.hang_up();
}

void Streaming::refuse(char type) {
  runtime::Error error{.kind = &wire::kProtocolViolation,
                       .what = runtime::format("invalid standby message type \"{}\"", type)};
  if (auto valid = check_sent_text(client_.encoding(), error.what); !valid) error = valid.error();
  interrupt(Severity::kFatal, std::move(error));
}

void Streaming::interrupt(Severity severity, runtime::Error error) {
  DCHECK(active());
  interruption_ = Interruption{severity, std::move(error)};
  state_ = State::kEnding;
  sender_.interrupt();
}

void Streaming::cancel() {
  if (!active() || interruption_.has_value()) return;
  interrupt(Severity::kError,
            {.kind = &wire::kQueryCanceled, .what = "canceling statement due to user request"});
}

// A client that does not read is not waited for.
void Streaming::terminate(runtime::Error why) {
  if (line_.blocked()) return line_.hang_up();
  line_.hang_up_at(environment_.loop.now() + environment_.options.close_timeout);
  interrupt(Severity::kFatal, std::move(why));
}

void Streaming::cut() {
  if (!active() || in_message() || line_.connection().queued_bytes() > 0) return;
  runtime::log::warning("terminating walsender process due to replication shutdown timeout");
  sender_.stop();
  on_stream_over(stream::StreamDrained{});
}

void Streaming::leave() {
  state_ = State::kIdle;
  sender_.stop();
  environment_.xmin_horizon.remove(process_id_);
  if (counts_upstream_) environment_.quorum.remove(process_id_);
}

// A stream that has ended may be lost all the same, while its last pages are in the socket.
void Streaming::on_stream_over(stream::StreamEnd end) {
  environment_.loop.assert_in_thread();
  DCHECK(active() || std::holds_alternative<stream::StreamLost>(end));
  DCHECK(!sender_.active() && !in_message());
  state_ = State::kIdle;
  std::visit([this](const auto& how) { end_with(how); }, end);
}

void Streaming::end_with(const stream::StreamEnded& end) { owner_.on_stream_over(end.next); }

void Streaming::end_with(const stream::StreamFailed& end) { owner_.on_stream_over(end.error); }

void Streaming::end_with(const stream::StreamLost& end) {
  if (!end.why.empty()) {
    environment_.strangers.log(
        client_.for_log("streaming"),
        runtime::format("{} (standby \"{}\")", end.why, client_.application_name()));
  }
  line_.hang_up();
}

// A stream that was about to end when the server stopped is interrupted without an error.
void Streaming::end_with(const stream::StreamInterrupted& /*end*/) {
  if (!interruption_.has_value()) return end_with(stream::StreamDrained{});
  const Interruption interruption = std::move(*std::exchange(interruption_, std::nullopt));
  if (interruption.severity == Severity::kFatal) return line_.end_with_fatal(interruption.error);
  owner_.on_stream_over(interruption.error);
}

// WalSndDone.
void Streaming::end_with(const stream::StreamDrained& /*end*/) {
  memctx::Resource memory(environment_.message_context);
  wire::MessageWriter out(&memory);
  out.command_complete("COPY 0");
  line_.end_with(out.bytes());
}

void Streaming::on_status() {
  const stream::Feedback& told = sender_.feedback();
  runtime::probes::reply_received(line_.connection().fd(), told.write.value(), told.flush.value(),
                                  told.apply.value());
  if (!counts_upstream_) return;
  environment_.quorum.report(process_id_, client_.application_name(),
                             {.write = told.write, .flush = told.flush, .apply = told.apply});
}

// What PostgreSQL would not take counts for nothing: the standby's last report stays in force
// (walsender.c, ProcessStandbyHSFeedbackMessage). One wrong id would have the primary ignore what
// all standbys say.
bool Streaming::is_possible(const wal::Xmin& xmin) const {
  return wal::is_in_recent_past(xmin, environment_.view.next_xid());
}

void Streaming::ignore(const wire::HotStandbyFeedback& feedback) {
  if (std::exchange(wrong_xmin_logged_, true)) return;
  const wal::NextXid& next = environment_.view.next_xid();
  environment_.strangers.warning(
      client_.for_log("streaming"),
      runtime::format("ignoring hot standby feedback of standby \"{}\": xmin {} of epoch {} and "
                      "catalog_xmin {} of epoch {} are not both of the recent past, where {} of "
                      "epoch {} is the next transaction",
                      client_.application_name(), feedback.xmin, feedback.xmin_epoch,
                      feedback.catalog_xmin, feedback.catalog_xmin_epoch, next.id,
                      next.epoch.has_value() ? std::to_string(*next.epoch) : "unknown"));
}

// The stream's slot keeps what the standby has said, and reports it to the horizon; without a slot
// the session reports it there itself. A report that repeats the last one, as most do, takes no
// lock.
void Streaming::on_feedback(const wire::HotStandbyFeedback& feedback) {
  environment_.loop.assert_in_thread();
  const wal::Xmin xmin{
      .data = full_transaction_id(feedback.xmin_epoch, feedback.xmin),
      .catalog = full_transaction_id(feedback.catalog_xmin_epoch, feedback.catalog_xmin)};
  if (!is_possible(xmin)) return ignore(feedback);
  if (std::exchange(reported_xmin_, xmin) == xmin) return;
  if (slots_.report_xmin(xmin, environment_.view.next_xid())) {
    // An earlier stream of this session without a slot may have reported for the session.
    environment_.xmin_horizon.remove(process_id_);
  } else {
    environment_.xmin_horizon.report(process_id_, client_.application_name(), xmin);
  }
}

void Streaming::describe(stats::SessionStatus& status) const {
  static constexpr std::array<std::string_view, 4> kStates{"startup", "catchup", "streaming",
                                                           "stopping"};
  const stream::Feedback& feedback = sender_.feedback();
  status.kind = stats::SessionKind::kWalSender;
  status.state = kStates.at(static_cast<std::size_t>(sender_.state()));
  status.timeline = sender_.timeline();
  status.sent = sender_.sent();
  status.write = feedback.write;
  status.flush = feedback.flush;
  status.apply = feedback.apply;
  status.bytes_sent = sender_.bytes_sent();
  status.paused = sender_.paused();
  status.streams = active();
  if (!active()) return;
  status.slot_name = slots_.stream_slot();
  if (status.slot_name.empty()) status.xmin = reported_xmin_.value_or(wal::Xmin());
  if (feedback.reply_time != 0) status.reply_time = wire::to_unix_micros(feedback.reply_time);
  if (counts_upstream_) {
    status.sync_priority = environment_.quorum.policy().priority(client_.application_name());
    status.sync_state = stats::sync_state_of(environment_.quorum.policy());
  }
  status.delivery = sender_.delivery();
  const wal::Lsn end = environment_.view.end();
  const wal::Lsn acknowledged = feedback.acknowledged();
  status.lag_bytes = acknowledged.valid() && acknowledged < end ? end - acknowledged : 0;
  status.lag = environment_.view.lag_clock()
                   .behind(acknowledged, environment_.loop.now())
                   .value_or(runtime::Duration::zero());
  describe_lags(environment_.view.lag_clock(), environment_.loop.now(), status);
}

}  // namespace server::session
