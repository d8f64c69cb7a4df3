#include "server/source/receiver.h"

#include <algorithm>
#include <span>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "runtime/memory_report.h"
#include "runtime/probes.h"
#include "server/wal/timelines.h"

namespace server::source {

using runtime::format;
using runtime::Instant;
using runtime::Result;
using runtime::log::Level;
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
      choice_(options_.upstream.conninfo),
      upstream_(options_.upstream, clock, doorbell_, stop_),
      reports_({.status_interval = options_.status_interval,
                .timeout = options_.upstream.timeout,
                .xmin_horizon = options_.xmin_horizon,
                .feedback_age_max = options_.feedback_age_max},
               clock, sink,
               [this](std::span<const std::byte> body) { return upstream_.send(body); }) {}

Result<PrimaryInfo> Receiver::connect() {
  CHECK(thread_ == nullptr);
  TRY(begin_round());
  return connect_next();
}

// A service file, or another file that the conninfo names, is read anew for each round.
Result<void> Receiver::begin_round() {
  round_ = HostRound();
  auto conninfo = read_conninfo(choice_.take());
  if (!conninfo) return std::move(conninfo).error();
  round_ = HostRound(std::move(*conninfo));
  return {};
}

runtime::Duration Receiver::host_timeout() const {
  return round_.conninfo().host_timeout.value_or(patience_);
}

// To the next host of the round that answers.
Result<PrimaryInfo> Receiver::connect_next() {
  for (;;) {
    const auto attempt = TRY(round_.next([this](const Host& host) { return look_up(host); }));
    if (!attempt) return runtime::Error{.kind = &kUpstreamLost, .what = round_.failures()};
    auto primary = ask(*attempt);
    if (primary || stop_.load()) return primary;
    pass_over(attempt->host, primary.error());
  }
}

Result<std::vector<Host>> Receiver::look_up(const Host& host) {
  auto addresses = upstream_.addresses_of(host, host_timeout());
  if (addresses || stop_.load()) return addresses;
  pass_over(host, addresses.error());
  return std::vector<Host>();
}

// The slot is made before the primary is asked for its end of WAL: from then on the primary removes
// no WAL that this server may ask for.
Result<PrimaryInfo> Receiver::ask(const HostRound::Attempt& attempt) {
  host_ = describe(attempt.host);
  TRY(upstream_.connect(round_.conninfo(), attempt, host_timeout()));
  round_.note_answer();
  if (options_.create_slot && !options_.slot_name.empty()) {
    TRY(upstream_.create_slot(options_.slot_name));
  }
  return upstream_.identify();
}

// Before start() the caller has what was wrong with all hosts, if none was of use.
void Receiver::pass_over(const Host& host, const runtime::Error& error) {
  const bool names_host = !upstream_.is_connected() || !round_.has_several();
  round_.note_failure(error.what);
  if (tail_ != nullptr) {
    host_reports_.log_failure(Level::kError, describe(host), error,
                              names_host ? "" : upstream_.server());
  }
  upstream_.disconnect();
}

// Servers before PostgreSQL 15 do not know the question; they refuse the slot when it is used.
Result<void> Receiver::check_slot() {
  if (options_.slot_name.empty() || options_.create_slot) return {};
  auto restart_lsn = upstream_.slot_restart_lsn(options_.slot_name);
  if (!restart_lsn && restart_lsn.error().kind == &kNoSlot) return std::move(restart_lsn).error();
  return {};
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

StreamFacts Receiver::stream_facts() const {
  StreamFacts facts = board_.facts();
  facts.conninfo = choice_.shown();
  return facts;
}

Result<void> Receiver::switch_upstream(std::string conninfo) {
  if (auto read = read_conninfo(conninfo); !read) return std::move(read).error();
  std::string shown = show_conninfo(conninfo);
  choice_.choose(std::move(conninfo), std::move(shown));
  doorbell_.ring();
  return {};
}

void Receiver::run() {
  while (try_round()) {
    const Instant again = clock_.now() + options_.retry_interval;
    for (Instant now;
         (now = clock_.now()) < again && !choice_.is_new() && upstream_.pause(again - now);) {
      look_at_doorbell();
    }
  }
  upstream_.disconnect();
}

// Returns whether to begin another round after a while. A stream that ends is of every day. A
// primary that cannot be reached, or that does not let this server in, may need an operator.
bool Receiver::try_round() {
  if (stop_.load()) return false;
  runtime::Error error;
  if (auto begun = begin_round(); !begun) {
    options_.on_state({ReceiverState::Kind::kFailing, begun.error().what});
    host_reports_.log_failure(Level::kError, "", begun.error(), "");
    return sink_.on_connection_lost(begun.error());
  }
  do {
    progress_ = Progress::kNone;
    error = receive_from_primary().error();
    const bool was_streaming = std::exchange(streaming_, false);
    if (stop_.load()) return false;
    options_.on_state({ReceiverState::Kind::kFailing, error.what});
    if (upstream_.is_connected()) {
      const bool everyday = error.kind == &kUpstreamLost && was_streaming;
      host_reports_.log_failure(everyday ? Level::kLog : Level::kError, host_, error,
                                round_.has_several() ? upstream_.server() : "");
    }
    upstream_.disconnect();
    if (!sink_.on_connection_lost(error)) return false;
  } while (progress_ != Progress::kProven && !round_.is_over() && !choice_.is_new());
  patience_ =
      progress_ == Progress::kNone ? std::min(patience_ * 2, kHostTimeoutMax) : kHostTimeoutMin;
  return true;
}

// One connection, from its first byte to its last. Returns only with an error.
Result<void> Receiver::receive_from_primary() {
  const PrimaryInfo primary = TRY(connect_next());
  TRY(sink_.on_connected(primary));
  TRY(check_end(primary));
  sink_.on_cluster_facts(TRY(upstream_.cluster_facts()));
  tail_->promise(primary.end);
  tail_->announce(clock_.now());
  return stream_timelines();
}

// A host whose WAL ends before ours may have it soon, as a standby that lags, or never, as a server
// that has crashed. Another host may have it now. Where there is no other, the host itself decides
// whether it has this server wait or refuses.
Result<void> Receiver::check_end(const PrimaryInfo& primary) const {
  if (!round_.has_several() || primary.end >= sink_.position()) return {};
  return runtime::Error{.kind = &kUpstreamRefused,
                        .what = "the primary's WAL ends before this server's",
                        .detail = format("The primary's WAL ends at {}, this server's at {}.",
                                         primary.end, sink_.position())};
}

Result<void> Receiver::stream_timelines() {
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
    // A standby that was promoted is in hot standby no more.
    sink_.on_cluster_facts(TRY(upstream_.cluster_facts()));
  }
}

void Receiver::announce() {
  host_reports_.log_stream(host_, sink_.stream_begin(), tail_->timelines()->history.tip(),
                           upstream_.server());
  board_.note_stream(upstream_.place(), sink_.stream_begin(), tail_->timelines()->history.tip());
  if (host_reports_.fails(host_)) return;
  options_.on_state({ReceiverState::Kind::kStreaming, upstream_.server()});
}

// Until the timeline ends. Returns where WAL goes on then.
Result<std::optional<NextTimeline>> Receiver::stream() {
  streaming_ = true;
  catch_up_.forget();
  progress_ = std::max(progress_, Progress::kStreamed);
  TRY(reports_.begin(clock_.now()));
  for (;;) {
    const Instant now = clock_.now();
    const Came came = TRY(take_what_has_come(now));
    if (came == Came::kEnd) {
      streaming_ = false;
      return upstream_.finish_streaming();
    }
    TRY(sink_.on_turn());
    board_.note_positions(sink_.kept());
    TRY(reports_.send_due(now));
    const Instant due = std::min(sink_.next_turn(), reports_.next_due());
    TRY(upstream_.wait(came == Came::kMore ? runtime::Duration::zero() : due - now));
    look_at_doorbell();
    if (choice_.is_new()) {
      return runtime::Error{.kind = &kUpstreamLost, .what = "WAL is to come from another primary"};
    }
  }
}

// Each message is written, and may wait for the disk, so that a primary that sends without a pause
// would keep the receiver from all else.
Result<Receiver::Came> Receiver::take_what_has_come(Instant now) {
  std::size_t bytes = 0;
  Instant found = now;
  do {
    const Upstream::Received received = TRY(upstream_.receive());
    if (received.stream_ended) return Came::kEnd;
    if (!received.message.has_value()) return Came::kAll;
    reports_.note_message(now);
    board_.note_message(*received.message, clock_.wall_now());
    if (const auto* data = std::get_if<wire::XLogData>(&*received.message)) {
      bytes += data->wal.size();
      tail_->note_received(std::min(upstream_.arrived(), found), found);
      TRY(take(*data));
    } else if (std::get<wire::Keepalive>(*received.message).reply_requested) {
      reports_.want_status();
    }
  } while (bytes < kTurnBytesMax && (found = clock_.now()) < now + kTurnTimeMax);
  return Came::kMore;
}

Result<void> Receiver::take(const wire::XLogData& data) {
  runtime::probes::wal_received(data.start, data.wal.size());
  const Lsn before = sink_.position();
  tail_->promise(Lsn(data.wal_end));
  TRY(sink_.on_wal(data));
  catch_up_.note(sink_.position(), Lsn(data.wal_end), clock_.now());
  if (sink_.position() == before) return {};
  progress_ = Progress::kProven;
  const bool failed_before = host_reports_.fails(host_);
  host_reports_.note_progress(host_);
  if (failed_before) announce();
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
