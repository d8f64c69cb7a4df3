#include "server/stream/sender.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/stream/errors.h"
#include "server/wire/codec.h"

namespace server::stream {

using runtime::IoResult;
using wal::Lsn;

namespace {

constexpr std::array kCopyDone{std::byte{'c'}, std::byte{0}, std::byte{0}, std::byte{0},
                               std::byte{4}};

}  // namespace

Sender::Sender(runtime::Loop& loop, WalView& view, SendQueue& queue, Connection& connection,
               const Options& options, Owner& owner)
    : loop_(loop),
      view_(view),
      queue_(queue),
      connection_(connection),
      options_(options),
      owner_(owner),
      timer_(loop.timers(), *this),
      queue_link_(*this) {}

void Sender::start(wal::TimelineId timeline, Lsn start, slot::Slot* slot) {
  loop_.assert_in_thread();
  CHECK(!active() && view_.history().contains(timeline));
  phase_ = Phase::kStreaming;
  state_ = State::kCatchup;
  timeline_ = timeline;
  sent_ = ready_to_ = start;
  feedback_ = {};
  slot_ = slot;
  if (view_.pins().heeded()) pin(start);
  last_reply_ = loop_.now();
  ping_sent_ = draining_ = false;
  arm_timer(last_reply_);
  queue_.make_runnable(*this);
}

runtime::Result<void> Sender::on_copy_data(std::span<const std::byte> body) {
  loop_.assert_in_thread();
  last_reply_ = loop_.now();
  ping_sent_ = false;
  const auto message = TRY(wire::parse_standby_message(body));
  if (const auto* status = std::get_if<wire::StandbyStatus>(&message)) {
    feedback_.take(*status);
    if (slot_ != nullptr) slot_->advance(feedback_.flush);
    if (pin_ != nullptr) advance_pin();
    owner_.on_status();
    if (status->reply_requested) queue_keepalive(/*reply_requested=*/false);
    if (draining_) queue_.make_runnable(*this);
  } else if (const auto* feedback = std::get_if<wire::HotStandbyFeedback>(&message)) {
    feedback_.reply_time = feedback->send_time;
    owner_.on_feedback(*feedback);
  } else {
    return runtime::Error{
        .kind = &kUnknownStandbyMessage,
        .what = runtime::format("unexpected message type \"{}\"",
                                std::get<wire::UnknownStandbyMessage>(message).type)};
  }
  return {};
}

void Sender::on_copy_done() {
  loop_.assert_in_thread();
  last_reply_ = loop_.now();
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
  options_.timeout = timeout;
  if (active()) arm_timer(loop_.now());
}

void Sender::shut_down() {
  loop_.assert_in_thread();
  // Who is about to end anyway does so; who is told of the next timeline will hear of it elsewhere.
  if (phase_ != Phase::kStreaming) return interrupt();
  draining_ = true;
  state_ = State::kStopping;
  arm_timer(loop_.now());
  queue_.make_runnable(*this);
}

Sender::PumpResult Sender::pump() {
  loop_.assert_in_thread();
  // EPOLLOUT will call again; until then the socket is known to be full.
  if (connection_.blocked()) return PumpResult::kBlocked;
  const Lsn began = sent_;
  for (;;) {
    switch (send_out()) {
      case IoResult::Status::kDone:
        break;
      case IoResult::Status::kBlocked:
        connection_.set_blocked(true);
        return PumpResult::kBlocked;
      case IoResult::Status::kEnd:
      case IoResult::Status::kFailed:
        end_broken();
        return PumpResult::kEnded;
    }
    if (sent_ - began >= options_.quantum_bytes) return PumpResult::kMore;
    switch (next_chunk()) {
      case Next::kChunk:
        break;
      case Next::kNothing:
        // A keepalive that next_chunk() or a message handler queued may still wait.
        if (connection_.queued_bytes() > 0) break;
        return PumpResult::kCaughtUp;
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

bool Sender::is_historic() const { return view_.history().tip() != timeline_; }

// A timeline may be known to end where its WAL has not come yet.
Lsn Sender::sendable_end() const {
  return std::min(view_.end(), view_.history().switch_point(timeline_).value_or(Lsn::max()));
}

// REQUIRES: nothing is in flight.
Sender::Next Sender::next_chunk() {
  switch (phase_) {
    case Phase::kStreaming:
      break;
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
  const Lsn end = sendable_end();
  if (sent_ >= end) return all_sent(end);
  // A file that may be recycled is looked up for each message, since what was ready may be gone.
  if (sent_ >= ready_to_ || !is_held(sent_)) {
    // A timeline has no file for the time before it began, in whose parent's file that WAL is.
    const wal::SegmentSize size = view_.identity().segment_size;
    const wal::SegmentNo no = size.segment_of(sent_);
    if (no < size.segment_of(view_.history().begin(timeline_))) {
      fail(wal::segment_removed(timeline_, no, size));
      return Next::kEnded;
    }
    auto located = view_.locate(sent_, *this);
    if (located.availability == WalView::Availability::kPending) return Next::kWaiting;
    if (located.availability == WalView::Availability::kFailed) {
      fail(*located.error);
      return Next::kEnded;
    }
    if (segment_ != *located.segment) segment_ = *located.segment;
    ready_to_ = located.ready_to;
  }
  begin_chunk(std::min(end, ready_to_));
  return Next::kChunk;
}

// New WAL wakes a stream that waits for it here, be it live or historic.
Sender::Next Sender::all_sent(Lsn end) {
  const auto switch_point = view_.history().switch_point(timeline_);
  const bool timeline_ended = switch_point.has_value() && sent_ >= *switch_point;
  // A standby may be ahead of us, but not of all WAL that there is.
  if (!timeline_ended && sent_ > end && sent_ > view_.promised()) {
    fail(ahead_of_wal(sent_, end));
    return Next::kEnded;
  }
  if (draining_) return drain();
  if (!timeline_ended) {
    state_ = State::kStreaming;
    return Next::kNothing;
  }
  phase_ = Phase::kEndOfTimeline;
  connection_.queue(kCopyDone);
  return Next::kNothing;
}

// All is sent. A standby that confirms more than that will never confirm just that, and PostgreSQL
// would wait for it for ever.
Sender::Next Sender::drain() {
  if (feedback_.acknowledged() >= sent_) {
    stop();
    owner_.on_stream_over(StreamDrained{});
    return Next::kEnded;
  }
  // It answers at once, often before its disk has what it was sent: so it is asked again, but not
  // as fast as it answers.
  if (loop_.now() >= asked_ + kDrainInterval) {
    asked_ = loop_.now();
    ask_for_reply();
  }
  return Next::kNothing;
}

void Sender::begin_chunk(Lsn limit) {
  CHECK(sent_ < limit);  // a message of no length would be followed by the next, for ever
  const Lsn end = chunk_end(sent_, limit);
  chunk_ = {.header = wire::encode_xlog_data_header(sent_.value(), sendable_end().value(),
                                                    wire::to_pg_timestamp(loop_.wall_now()),
                                                    static_cast<std::uint32_t>(end - sent_)),
            .header_sent = 0,
            .at = sent_,
            .end = end};
  bytes_sent_ += end - sent_;
  view_.count_sent(end - sent_);
  sent_ = end;
}

// The message in flight, then what was queued behind it.
IoResult::Status Sender::send_out() {
  while (chunk_.active()) {
    const IoResult result = send_chunk();
    if (result.status != IoResult::Status::kDone) return result.status;
  }
  return connection_.flush();
}

// WalSndKeepaliveIfNecessary and WalSndCheckTimeOut: half the timeout without a word gets a ping,
// all of it ends the stream. The timer is left where it was armed last, since every message moves
// its deadline.
void Sender::on_timer(runtime::Timer& /*timer*/) {
  loop_.assert_in_thread();
  if (phase_ == Phase::kIdle) return unpin_when_acknowledged();
  const runtime::Instant now = loop_.now();
  if (options_.timeout.count() > 0) {
    if (now >= last_reply_ + options_.timeout) {
      owner_.take_replies();  // after a stall of our own they may not have been read yet
      if (phase_ == Phase::kIdle) return;
    }
    if (now >= last_reply_ + options_.timeout) {
      lose("terminating walsender process due to replication timeout");
      return;
    }
    if (now >= last_reply_ + options_.timeout / 2) ask_for_reply();
  }
  if (draining_) queue_.make_runnable(*this);
  arm_timer(now);
}

void Sender::arm_timer(runtime::Instant now) {
  auto deadline = runtime::Instant::max();
  if (options_.timeout.count() > 0) {
    deadline = last_reply_ + (ping_sent_ ? options_.timeout : options_.timeout / 2);
  }
  if (draining_) deadline = std::min(deadline, now + kDrainInterval);
  if (deadline == runtime::Instant::max()) {
    timer_.disarm();
  } else {
    timer_.arm(deadline);
  }
}

void Sender::ask_for_reply() {
  if (std::exchange(ping_sent_, true)) return;
  queue_keepalive(/*reply_requested=*/true);
}

// Behind our CopyDone nothing may follow. A peer that asks and does not read gets no more answers
// while so many wait. What we ask ourselves is always queued, for it counts as asked.
void Sender::queue_keepalive(bool reply_requested) {
  if (phase_ == Phase::kEndOfTimeline) return;
  constexpr std::size_t kQueuedBytesMax = 64 * 1024;
  if (!reply_requested && connection_.queued_bytes() > kQueuedBytesMax) return;
  connection_.queue(wire::encode_keepalive(sent_.value(), wire::to_pg_timestamp(loop_.wall_now()),
                                           reply_requested));
  queue_.make_runnable(*this);
}

// The socket is broken, or the file. The latter can be told only where no message is cut off.
void Sender::end_broken() {
  const auto error = std::exchange(chunk_error_, std::nullopt);
  if (!error.has_value()) {
    lose({});
  } else if (chunk_.header_sent == 0) {
    fail(*error);
  } else {
    lose(error->what);
  }
}

void Sender::fail(const runtime::Error& error) {
  stop();
  owner_.on_stream_over(StreamFailed{error});
}

void Sender::lose(std::string_view why) {
  stop();
  owner_.on_stream_over(StreamLost{std::string(why)});
}

void Sender::finish() {
  if (phase_ == Phase::kClosing) connection_.queue(kCopyDone);
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
  draining_ = false;
  slot_ = nullptr;
  state_ = State::kStartup;
  chunk_ = {};
  segment_.reset();
  timer_.disarm();
  queue_link_.unlink();
  stop_waiting();
  unpin_when_acknowledged();
}

}  // namespace server::stream
