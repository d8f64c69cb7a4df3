#include "server/source/receiver.h"

#include <algorithm>
#include <utility>

#include "runtime/format.h"
#include "runtime/log.h"
#include "runtime/memory_report.h"
#include "server/wal/timelines.h"

namespace server::source {

using runtime::format;
using runtime::Instant;
using runtime::Result;
using wal::Lsn;

namespace {

constexpr runtime::Duration kAgeCheckInterval = std::chrono::seconds(1);
// So often a queue that was full is tried again.
constexpr runtime::Duration kFlushInterval = std::chrono::milliseconds(1);

}  // namespace

Result<void> check_primary(const PrimaryInfo& primary, const wal::Identity& identity,
                           wal::TimelineId tip) {
  if (primary.identity.system_identifier != identity.system_identifier) {
    return runtime::Error{
        .kind = &kDiverged,
        .what = "database system identifier differs between the primary and standby",
        .detail = format("The primary's identifier is {}, the standby's identifier is {}.",
                         primary.identity.system_identifier, identity.system_identifier)};
  }
  if (primary.identity != identity) {
    return runtime::Error{.kind = &kDiverged,
                          .what = "the primary's WAL is of another version or segment size"};
  }
  if (primary.timeline < tip) {
    return runtime::Error{
        .kind = &kDiverged,
        .what = format("highest timeline {} of the primary is behind recovery timeline {}",
                       wal::value(primary.timeline), wal::value(tip))};
  }
  return {};
}

Result<void> check_fork(const wal::TimelineHistory& ours, Lsn end,
                        const wal::TimelineHistory& theirs) {
  const wal::TimelineId tip = ours.tip();
  if (!theirs.contains(tip)) {
    return runtime::Error{.kind = &kDiverged,
                          .what = format("timeline {} is not a child of timeline {}",
                                         wal::value(theirs.tip()), wal::value(tip))};
  }
  if (!wal::continues(theirs, ours)) {
    return runtime::Error{
        .kind = &kDiverged,
        .what = format("requested timeline {} is not a child of this server's history",
                       wal::value(theirs.tip())),
        .detail = format("An ancestor of timeline {} ends elsewhere in the primary's history.",
                         wal::value(tip))};
  }
  const auto fork = theirs.switch_point(tip);
  if (!fork.has_value() || *fork >= end) return {};
  return runtime::Error{.kind = &kDiverged,
                        .what = format("new timeline {} forked off current database system "
                                       "timeline {} before current recovery point {}",
                                       wal::value(theirs.tip()), wal::value(tip), end),
                        .detail = format("The fork is at {}.", *fork)};
}

Receiver::Receiver(Options options, const runtime::Clock& clock, Sink& sink)
    : options_(std::move(options)),
      clock_(clock),
      sink_(sink),
      upstream_(options_.upstream, doorbell_, stop_) {}

// The slot comes before the look at the end of WAL: from then on nothing goes that we may ask for.
Result<PrimaryInfo> Receiver::connect() {
  TRY(upstream_.connect());
  if (options_.create_slot && !options_.slot_name.empty()) {
    TRY(upstream_.create_slot(options_.slot_name));
  }
  return upstream_.identify();
}

void Receiver::start(wal::WalTail& tail) {
  tail_ = &tail;
  const auto wake = [this] { doorbell_.ring(); };
  if (options_.xmin_horizon != nullptr) {
    options_.xmin_horizon->set_listener(wake, options_.feedback_age_max);
  }
  if (options_.quorum != nullptr) options_.quorum->set_listener(wake);
  thread_ =
      std::make_unique<runtime::NamedThread>("walreceiver", [this](memctx::Context&) { run(); });
}

void Receiver::stop() {
  if (thread_ == nullptr) return;
  stop_.store(true);
  doorbell_.ring();
  thread_->join();
  thread_.reset();
  if (options_.xmin_horizon != nullptr) options_.xmin_horizon->set_listener({}, {});
  if (options_.quorum != nullptr) options_.quorum->set_listener({});
}

void Receiver::log_memory_contexts() {
  memory_logs_wanted_.store(memory_logs_wanted_.load() + 1);
  doorbell_.ring();
}

void Receiver::run() {
  while (try_primary()) {
    const Instant again = clock_.now() + options_.retry_interval;
    while (clock_.now() < again && upstream_.pause(again)) look_at_doorbell();
  }
  upstream_.disconnect();
}

// Returns whether to try again after a while.
bool Receiver::try_primary() {
  if (stop_.load()) return false;
  const runtime::Error error = receive_from_primary().error();
  streaming_ = false;
  if (stop_.load()) return false;
  report(error);
  upstream_.disconnect();
  return sink_.on_connection_lost(error);
}

void Receiver::report(const runtime::Error& error) {
  const std::string text =
      error.detail.empty() ? error.what : format("{}\nDETAIL:  {}", error.what, error.detail);
  stream_fails_ = error.kind != &kUpstreamLost;
  if (std::exchange(last_report_, text) == text) return;
  if (error.kind == &kUpstreamLost) {
    runtime::log::log("{}", text);
  } else {
    runtime::log::error("{}", text);
  }
}

// One connection, from its first byte to its last. Returns only with an error.
Result<void> Receiver::receive_from_primary() {
  const PrimaryInfo primary = TRY(connect());
  TRY(sink_.on_connected(primary));
  tail_->promise(primary.end);
  tail_->announce(clock_.now());
  for (;;) {
    const wal::TimelineId timeline = tail_->timelines()->history.tip();
    std::optional<NextTimeline> next =
        TRY(upstream_.start_streaming(options_.slot_name, sink_.position(), timeline));
    if (!next.has_value()) {
      announce();
      next = TRY(stream());
    }
    if (!next.has_value()) {
      return runtime::Error{.kind = &kUpstreamLost,
                            .what = "replication terminated by primary server"};
    }
    TRY(sink_.on_timeline_ended(*next));
  }
}

void Receiver::announce() {
  if (stream_fails_) return;  // soon after it has begun, as it was reported; or it goes on now
  runtime::log::log("started streaming WAL from primary at {} on timeline {} ({})",
                    sink_.position(), wal::value(tail_->timelines()->history.tip()),
                    upstream_.server());
  last_report_.clear();
}

// Until the timeline ends. Returns where WAL goes on then.
Result<std::optional<NextTimeline>> Receiver::stream() {
  reported_ = {};
  slot_position_ = {};
  reported_xmin_.reset();
  status_sent_ = heard_ = clock_.now();
  ping_sent_ = status_wanted_ = false;
  streaming_ = true;
  TRY(send_status(/*forced=*/true));
  for (;;) {
    const bool ended = TRY(take_what_has_come());
    if (ended) {
      streaming_ = false;
      return upstream_.finish_streaming();
    }
    TRY(sink_.on_turn());
    TRY(send_status(std::exchange(status_wanted_, false)));
    TRY(send_feedback());
    TRY(keep_connection_alive());
    TRY(upstream_.wait(next_wake()));
    look_at_doorbell();
    if (tail_->has_waiting()) tail_->flush();
  }
}

// Returns whether the stream has ended.
Result<bool> Receiver::take_what_has_come() {
  for (;;) {
    const Upstream::Received received = TRY(upstream_.receive());
    if (received.stream_ended) return true;
    if (!received.message.has_value()) return false;
    heard_ = clock_.now();
    ping_sent_ = false;
    if (const auto* data = std::get_if<wire::XLogData>(&*received.message)) {
      TRY(take(*data));
    } else {
      status_wanted_ |= std::get<wire::Keepalive>(*received.message).reply_requested;
    }
  }
}

Result<void> Receiver::take(const wire::XLogData& data) {
  const Lsn before = sink_.position();
  tail_->promise(Lsn(data.wal_end));
  TRY(sink_.on_wal(data));
  if (sink_.position() > before && std::exchange(stream_fails_, false)) announce();
  return {};
}

Result<void> Receiver::pause(Instant deadline) {
  TRY(upstream_.pause(deadline));
  heard_ = clock_.now();  // the silence is ours
  look_at_doorbell();
  return streaming_ ? send_status(/*forced=*/true) : Result<void>();
}

// How far we are, if that has changed (XLogWalRcvSendReply).
Result<void> Receiver::send_status(bool forced, bool reply_requested) {
  const Quorum::Positions confirmed = sink_.confirmed(reported_);
  const bool slot_moves = sink_.slot_position() != slot_position_;
  if (confirmed == reported_ && !slot_moves && !forced) return {};
  if (slot_moves) TRY(move_slot());
  reported_ = confirmed;
  status_sent_ = clock_.now();
  return send_positions(confirmed, reply_requested);
}

// A slot moves to what is flushed, and stays where nothing is. A primary that stops waits until all
// is flushed, or written where nothing is flushed (walsender.c, ProcessStandbyReplyMessage,
// WalSndDone): so the report that moves the slot must not be the last.
Result<void> Receiver::move_slot() {
  slot_position_ = sink_.slot_position();
  return send_positions({.write = reported_.write, .flush = slot_position_, .apply = Lsn()},
                        /*reply_requested=*/false);
}

Result<void> Receiver::send_positions(const Quorum::Positions& positions, bool reply_requested) {
  return upstream_.send(
      wire::encode_standby_status({.write = positions.write.value(),
                                   .flush = positions.flush.value(),
                                   .apply = positions.apply.value(),
                                   .send_time = wire::to_pg_timestamp(clock_.wall_now()),
                                   .reply_requested = reply_requested}));
}

// If it has changed. The first on a connection clears what an earlier one may have left in the
// primary's slot (walreceiver.c, XLogWalRcvSendHSFeedback).
Result<void> Receiver::send_feedback() {
  XminHorizon* const horizon = options_.xmin_horizon;
  const Xmin xmin = horizon == nullptr ? Xmin{} : horizon->oldest(clock_.now(), sink_.newest_xid());
  if (std::exchange(reported_xmin_, xmin) == xmin) return {};
  const auto low = [](std::uint64_t id) { return static_cast<std::uint32_t>(id); };
  const auto high = [](std::uint64_t id) { return static_cast<std::uint32_t>(id >> 32); };
  return upstream_.send(
      wire::encode_hot_standby_feedback({.send_time = wire::to_pg_timestamp(clock_.wall_now()),
                                         .xmin = low(xmin.data),
                                         .xmin_epoch = high(xmin.data),
                                         .catalog_xmin = low(xmin.catalog),
                                         .catalog_xmin_epoch = high(xmin.catalog)}));
}

// Half of the timeout without a word gets a ping, and the whole is the end of it.
Result<void> Receiver::keep_connection_alive() {
  const Instant now = clock_.now();
  const runtime::Duration timeout = options_.upstream.timeout;
  if (timeout.count() > 0 && now >= heard_ + timeout) {
    return runtime::Error{.kind = &kUpstreamLost, .what = "terminating walreceiver due to timeout"};
  }
  if (timeout.count() > 0 && !ping_sent_ && now >= heard_ + timeout / 2) {
    ping_sent_ = true;
    return send_status(/*forced=*/true, /*reply_requested=*/true);
  }
  const bool due =
      options_.status_interval.count() > 0 && now >= status_sent_ + options_.status_interval;
  return send_status(due);
}

Instant Receiver::next_wake() const {
  Instant wake = sink_.next_turn();
  if (options_.status_interval.count() > 0) {
    wake = std::min(wake, status_sent_ + options_.status_interval);
  }
  const runtime::Duration timeout = options_.upstream.timeout;
  if (timeout.count() > 0) wake = std::min(wake, heard_ + (ping_sent_ ? timeout : timeout / 2));
  if (options_.feedback_age_max.count() > 0) {
    wake = std::min(wake, clock_.now() + kAgeCheckInterval);
  }
  if (tail_->has_waiting()) wake = std::min(wake, clock_.now() + kFlushInterval);
  return wake;
}

void Receiver::look_at_doorbell() {
  if (std::exchange(memory_logs_written_, memory_logs_wanted_.load()) == memory_logs_wanted_.load())
    return;
  runtime::log_memory_contexts();
}

}  // namespace server::source
