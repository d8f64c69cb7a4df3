#include "server/stream/sender.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "runtime/check.h"
#include "server/stream/errors.h"
#include "server/wire/codec.h"

namespace server::stream {

using runtime::IoResult;
using wal::Lsn;

Sender::Sender(runtime::Loop& loop, WalView& view, SendQueue& queue, Connection& connection,
               const Options& options, Owner& owner)
    : loop_(loop),
      view_(view),
      queue_(queue),
      connection_(connection),
      owner_(owner),
      quantum_bytes_(options.quantum_bytes),
      hold_(loop, view.held_files(), connection, *this),
      message_(loop, view, connection, hold_, options.copy_bytes_max),
      keepalive_(loop, *this, options.timeout),
      delivery_(view.stages()) {}

void Sender::start(wal::TimelineId timeline, Lsn start, slot::Slot* slot) {
  loop_.assert_in_thread();
  CHECK(!active() && !message_.active() && view_.history().contains(timeline));
  phase_ = Phase::kStreaming;
  state_ = State::kCatchup;
  timeline_ = timeline;
  sent_ = ready_to_ = start;
  ahead_of_ = view_.end();
  ahead_since_ = loop_.now();
  feedback_ = {};
  slot_ = slot;
  hold_.begin(start);
  keepalive_.start();
  delivery_.start();
  queue_.make_runnable(*this);
}

void Sender::set_gathers(bool gathers) {
  loop_.assert_in_thread();
  set_patient(gathers);
  delivery_.set_gathers(gathers);
}

void Sender::set_paused(bool paused) {
  loop_.assert_in_thread();
  paused_ = paused && !is_draining();
  if (active()) queue_.make_runnable(*this);
}

runtime::Result<void> Sender::on_copy_data(std::span<const std::byte> body) {
  loop_.assert_in_thread();
  keepalive_.on_reply();
  const auto message = TRY(wire::parse_standby_message(body));
  if (const auto* status = std::get_if<wire::StandbyStatus>(&message)) {
    take_status(*status);
  } else if (const auto* feedback = std::get_if<wire::HotStandbyFeedback>(&message)) {
    feedback_.reply_time = feedback->send_time;
    owner_.on_feedback(*feedback);
  } else {
    return unknown_standby_message(std::get<wire::UnknownStandbyMessage>(message).type);
  }
  return {};
}

// ProcessStandbyReplyMessage.
void Sender::take_status(const wire::StandbyStatus& status) {
  feedback_.take(status);
  delivery_.on_report(feedback_, loop_.now());
  if (slot_ != nullptr) slot_->advance(feedback_.flush);
  hold_.advance(message_.active() ? message_.position() : sent_, feedback_.acknowledged());
  owner_.on_status();
  if (status.reply_requested) {
    keepalive_.owe_answer();
    answer();
  }
  if (is_draining()) queue_.make_runnable(*this);
}

void Sender::on_copy_done() {
  loop_.assert_in_thread();
  keepalive_.on_reply();
  if (phase_ == Phase::kEndOfTimeline) {
    finish();
  } else if (phase_ == Phase::kStreaming) {
    phase_ = Phase::kClosing;
    queue_.make_runnable(*this);
  }
}

void Sender::on_writable() {
  loop_.assert_in_thread();
  connection_.set_blocked(false);
  queue_.make_runnable(*this);
}

void Sender::interrupt() {
  loop_.assert_in_thread();
  stop_waiting();
  phase_ = Phase::kInterrupted;
  queue_.make_runnable(*this);
}

void Sender::set_timeout(runtime::Duration timeout) {
  loop_.assert_in_thread();
  keepalive_.set_timeout(timeout);
  if (active()) keepalive_.arm();
}

void Sender::shut_down() {
  loop_.assert_in_thread();
  // A stream that is about to end does so; the standby hears of the next timeline elsewhere.
  if (phase_ != Phase::kStreaming) return interrupt();
  state_ = State::kStopping;
  paused_ = false;
  set_gathers(false);
  keepalive_.drain();
  queue_.make_runnable(*this);
}

Sender::PumpResult Sender::pump() {
  loop_.assert_in_thread();
  // EPOLLOUT will call again; until then the socket is known to be full.
  if (connection_.blocked()) return PumpResult::kBlocked;
  stop_holding();
  const PumpResult result = pump_quantum();
  delivery_.pumped(result, loop_.now());
  put_file_away(result);
  return result;
}

// However many streams stand still, no more files stay open than the view allows. A message of
// which a part is out is finished from its own file, or from memory: its name may be another's by
// then.
void Sender::put_file_away(PumpResult result) {
  if (message_.active()) return view_.hold(message_.file(), *this);
  if (result == PumpResult::kCaughtUp && phase_ == Phase::kStreaming && is_live()) return;
  message_.close_file();
  ready_to_ = sent_;
}

void Sender::on_segment_wanted() {
  loop_.assert_in_thread();
  DCHECK(active());
  if (message_.take_into_memory() != IoResult::Status::kDone) return end_broken();
  ready_to_ = sent_;
}

Sender::PumpResult Sender::pump_quantum() {
  const Lsn began = sent_;
  for (;;) {
    switch (send_out()) {
      case IoResult::Status::kDone:
        if (delivery_.is_due(sent_)) delivery_.sent(sent_, queue_.time());
        break;
      case IoResult::Status::kBlocked:
        connection_.set_blocked(true);
        return PumpResult::kBlocked;
      case IoResult::Status::kEnd:
      case IoResult::Status::kFailed:
        end_broken();
        return PumpResult::kEnded;
    }
    if (sent_ - began >= quantum_bytes_) return PumpResult::kMore;
    switch (next()) {
      case Next::kMessage:
        break;
      case Next::kNothing:
        // A keepalive that next() or a message handler queued may still wait.
        if (connection_.queued_bytes() > 0) break;
        return PumpResult::kCaughtUp;
      case Next::kPaused:
        if (connection_.queued_bytes() > 0) break;
        return PumpResult::kPaused;
      case Next::kWaiting:
        return PumpResult::kWaiting;
      case Next::kEnded:
        return PumpResult::kEnded;
    }
  }
}

bool Sender::is_live() const {
  loop_.assert_in_thread();
  return phase_ != Phase::kStreaming || (!is_historic() && view_.is_hot(sent_));
}

// The message in flight, then what was queued behind it.
IoResult::Status Sender::send_out() {
  const IoResult::Status status = message_.send();
  return status == IoResult::Status::kDone ? connection_.flush() : status;
}

// REQUIRES: nothing is in flight.
Sender::Next Sender::next() {
  switch (phase_) {
    case Phase::kStreaming:
      return next_message();
    case Phase::kClosing:
      finish();
      return Next::kEnded;
    case Phase::kInterrupted:
      stop();
      owner_.on_stream_over(StreamInterrupted{});
      return Next::kEnded;
    case Phase::kEndOfTimeline:
    case Phase::kIdle:
      return Next::kNothing;
  }
  UNREACHABLE();
}

// XLogSendPhysical: up to where WAL may be sent, from which file, and how much of it.
Sender::Next Sender::next_message() {
  if (paused_) return Next::kPaused;
  const Lsn end = sendable_end();
  if (sent_ >= end) return all_sent(end);
  // A file that may be recycled is looked up for each message, since what was ready may be gone.
  if (sent_ >= ready_to_ || !hold_.is_held(sent_)) {
    if (const Next found = find_wal(); found != Next::kMessage) return found;
  }
  begin_message(std::min(end, ready_to_));
  return Next::kMessage;
}

// A timeline may be known to end at a position to which its WAL has not come yet.
Lsn Sender::sendable_end() const {
  return std::min(view_.end(), view_.history().switch_point(timeline_).value_or(Lsn::max()));
}

// New WAL wakes a stream that waits for it here, be it live or historic.
Sender::Next Sender::all_sent(Lsn end) {
  const auto switch_point = view_.history().switch_point(timeline_);
  const bool timeline_ended = switch_point.has_value() && sent_ >= *switch_point;
  // A standby may be ahead of us, but not of all WAL that there is.
  if (!timeline_ended && sent_ > end && sent_ > view_.start_max()) {
    return fail(ahead_of_wal(sent_, end));
  }
  if (is_draining()) return drain(end);
  if (!timeline_ended) {
    state_ = State::kStreaming;
    delivery_.on_caught_up();
    return Next::kNothing;
  }
  phase_ = Phase::kEndOfTimeline;
  connection_.queue(wire::kCopyDone);
  return Next::kNothing;
}

// All WAL is sent. A standby that confirms more is done too, though PostgreSQL would wait for ever;
// one that waits ahead of our end has been sent nothing that it could confirm. A standby answers at
// once, often before its disk has the WAL: so it is asked again, but not as fast as it answers.
Sender::Next Sender::drain(Lsn end) {
  const bool waits_ahead = sent_ > end;
  if (waits_ahead || feedback_.acknowledged() >= sent_) {
    stop();
    owner_.on_stream_over(StreamDrained{});
    return Next::kEnded;
  }
  if (keepalive_.take_drain_turn()) ask_for_reply();
  return Next::kNothing;
}

Sender::Next Sender::find_wal() {
  // The WAL before a timeline's first segment is in its parent's files only.
  const wal::SegmentSize size = view_.identity().segment_size;
  const wal::SegmentNo no = size.segment_of(sent_);
  if (no < size.segment_of(view_.history().begin(timeline_))) {
    return fail(wal::segment_removed(timeline_, no, size));
  }
  const WalView::Located located = view_.locate(sent_, *this);
  switch (located.availability) {
    case WalView::Availability::kPending:
      return Next::kWaiting;
    case WalView::Availability::kFailed:
      return fail(*located.error);
    case WalView::Availability::kReady:
      message_.read_from(*located.segment);
      ready_to_ = located.ready_to;
      return Next::kMessage;
  }
  UNREACHABLE();
}

void Sender::begin_message(Lsn limit) {
  CHECK(sent_ < limit);  // a message of no length would be followed by the next, for ever
  const Lsn end = message_end(limit);
  CHECK(sent_ < end && end <= view_.end());
  message_.begin({.header = wire::encode_xlog_data_header(sent_.value(), sendable_end().value(),
                                                          wire::to_pg_timestamp(loop_.wall_now()),
                                                          static_cast<std::uint32_t>(end - sent_)),
                  .header_sent = 0,
                  .at = sent_,
                  .end = end});
  bytes_sent_ += end - sent_;
  view_.count_sent(end - sent_);
  sent_ = end;
}

// WalSndKeepaliveIfNecessary and WalSndCheckTimeOut.
void Sender::on_timer(runtime::Timer& /*timer*/) {
  loop_.assert_in_thread();
  // After a stall of our own, replies may not have been read yet.
  if (keepalive_.is_timed_out()) owner_.take_replies();
  if (phase_ == Phase::kIdle) return;
  if (keepalive_.is_timed_out()) {
    return lose("terminating walsender process due to replication timeout");
  }
  if (has_waited_ahead_too_long()) {
    fail(ahead_of_wal(sent_, sendable_end()));
    return;
  }
  answer();
  if (keepalive_.is_ping_due()) ask_for_reply();
  if (is_draining()) queue_.make_runnable(*this);
  keepalive_.arm();
}

// A standby that waits for WAL of which nothing comes is let go after as much time as it would have
// to answer: it tries its archive, which it does not while it streams.
bool Sender::has_waited_ahead_too_long() {
  const Lsn end = view_.end();
  if (phase_ != Phase::kStreaming || sent_ <= sendable_end()) return false;
  if (std::exchange(ahead_of_, end) != end) ahead_since_ = loop_.now();
  return keepalive_.is_over(ahead_since_);
}

// Nothing may follow our CopyDone. A peer that asks and does not read gets no more answers while
// kAnswerBytesMax of them wait, or there is no memory. A ping is always queued: it counts as sent.
void Sender::queue_keepalive(bool reply_requested) {
  if (phase_ == Phase::kEndOfTimeline) return;
  if (!reply_requested && connection_.queued_bytes() > kAnswerBytesMax) return;
  const auto keepalive = wire::encode_keepalive(
      sent_.value(), wire::to_pg_timestamp(loop_.wall_now()), reply_requested);
  if (!reply_requested && !connection_.may_queue(keepalive.size())) return;
  connection_.queue(keepalive);
  queue_.make_runnable(*this);
}

void Sender::on_pages_released() {
  loop_.assert_in_thread();
  lose("terminating walsender process: its WAL may be overwritten before it arrives");
}

// The socket is broken, or the file. The standby gets an error of the file only if no message is
// cut off in the middle.
void Sender::end_broken() {
  const auto error = message_.take_error();
  if (!error.has_value()) {
    lose({});
  } else if (message_.is_cut()) {
    lose(error->what);
  } else {
    fail(*error);
  }
}

Sender::Next Sender::fail(const runtime::Error& error) {
  stop();
  owner_.on_stream_over(StreamFailed{error});
  return Next::kEnded;
}

void Sender::lose(std::string_view why) {
  stop();
  owner_.on_stream_over(StreamLost{std::string(why)});
}

void Sender::finish() {
  if (phase_ == Phase::kClosing) connection_.queue(wire::kCopyDone);
  std::optional<NextTimeline> next;
  if (const auto timeline = view_.history().next(timeline_)) {
    next = NextTimeline{*timeline, *view_.history().switch_point(timeline_)};
  }
  stop();
  owner_.on_stream_over(StreamEnded{next});
}

void Sender::stop() {
  loop_.assert_in_thread();
  phase_ = Phase::kIdle;
  state_ = State::kStartup;
  slot_ = nullptr;
  stop_holding();
  message_.drop();
  hold_.end();
  keepalive_.stop();
  leave_queue();
  stop_waiting();
}

}  // namespace server::stream
