#include "server/source/receiver.h"

#include <algorithm>
#include <span>
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

Receiver::Receiver(Options options, const runtime::Clock& clock, WalSink& sink)
    : options_(std::move(options)),
      clock_(clock),
      sink_(sink),
      upstream_(options_.upstream, clock, doorbell_, stop_),
      reports_({.status_interval = options_.status_interval,
                .timeout = options_.upstream.timeout,
                .xmin_horizon = options_.xmin_horizon,
                .feedback_age_max = options_.feedback_age_max},
               clock, sink,
               [this](std::span<const std::byte> body) { return upstream_.send(body); }) {}

// The slot is made before the primary is asked for its end of WAL: from then on the primary removes
// no WAL that this server may ask for.
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
    for (Instant now; (now = clock_.now()) < again && upstream_.pause(again - now);) {
      look_at_doorbell();
    }
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
        TRY(upstream_.start_streaming(options_.slot_name, sink_.stream_begin(), timeline));
    if (!next.has_value()) {
      sink_.on_stream();
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
  // A stream that fails soon after it has begun was reported, and is announced when it goes on.
  if (stream_fails_) return;
  runtime::log::log("started streaming WAL from primary at {} on timeline {} ({})",
                    sink_.stream_begin(), wal::value(tail_->timelines()->history.tip()),
                    upstream_.server());
  last_report_.clear();
}

// Until the timeline ends. Returns where WAL goes on then.
Result<std::optional<NextTimeline>> Receiver::stream() {
  streaming_ = true;
  TRY(reports_.begin(clock_.now()));
  for (;;) {
    const Instant now = clock_.now();
    const bool ended = TRY(take_what_has_come(now));
    if (ended) {
      streaming_ = false;
      return upstream_.finish_streaming();
    }
    TRY(sink_.on_turn());
    TRY(reports_.send_due(now));
    TRY(upstream_.wait(std::min(sink_.next_turn(), reports_.next_due()) - now));
    look_at_doorbell();
  }
}

// Returns whether the stream has ended.
Result<bool> Receiver::take_what_has_come(Instant now) {
  for (;;) {
    const Upstream::Received received = TRY(upstream_.receive());
    if (received.stream_ended) return true;
    if (!received.message.has_value()) return false;
    reports_.note_message(now);
    if (const auto* data = std::get_if<wire::XLogData>(&*received.message)) {
      TRY(take(*data));
    } else if (std::get<wire::Keepalive>(*received.message).reply_requested) {
      reports_.want_status();
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

Result<void> Receiver::pause(runtime::Duration at_most) {
  TRY(upstream_.pause(at_most));
  const Instant now = clock_.now();
  reports_.note_heard(now);
  look_at_doorbell();
  if (!streaming_) return {};
  reports_.want_status();
  return reports_.send_status_due(now);
}

void Receiver::look_at_doorbell() {
  const std::uint64_t wanted = memory_logs_wanted_.load();
  if (std::exchange(memory_logs_written_, wanted) != wanted) runtime::log_memory_contexts();
}

}  // namespace server::source
