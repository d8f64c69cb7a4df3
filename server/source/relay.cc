#include "server/source/relay.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "runtime/memory_report.h"
#include "server/wal/files.h"

namespace server::source {

using runtime::format;
using runtime::Instant;
using runtime::Result;
using wal::Lsn;
using wal::TimelineHistory;
using wal::TimelineId;

namespace {

// So often a full disk is tried again, and a queue that was full.
constexpr runtime::Duration kDiskRetryInterval = std::chrono::seconds(1);
constexpr runtime::Duration kAgeCheckInterval = std::chrono::seconds(1);
constexpr runtime::Duration kFlushInterval = std::chrono::milliseconds(1);

// Only files have an errno, and one that fails may have lost what it was given.
bool is_broken_disk(const runtime::Error& error) {
  return error.sys_errno != 0 && !wal::is_full_disk(error);
}

}  // namespace

RelaySource::RelaySource(Options options, const runtime::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      upstream_(options_.upstream, doorbell_, stop_) {}

Result<void> RelaySource::open() {
  std::error_code error;
  std::filesystem::create_directories(options_.directory, error);
  if (error) {
    return runtime::system_error(error.value(),
                                 format("could not create directory \"{}\"", options_.directory));
  }
  directory_lock_ = TRY(wal::lock_directory(options_.directory));
  auto inventory = wal::take_inventory(options_.directory);
  if (inventory) {
    for (const std::string& warning : inventory->warnings) runtime::log::warning("{}", warning);
    identity_ = inventory->identity;
    inventory_ = std::move(*inventory);
    return {};
  }
  if (inventory.error().kind != &wal::kNoWal) return std::move(inventory).error();
  first_primary_ = TRY(connect());
  identity_ = first_primary_->identity;
  return {};
}

// The slot comes before the look at the end of WAL: from then on nothing goes that we may ask for.
Result<PrimaryInfo> RelaySource::connect() {
  TRY(upstream_.connect());
  if (options_.create_slot && !options_.slot_name.empty()) {
    TRY(upstream_.create_slot(options_.slot_name));
  }
  return upstream_.identify();
}

Result<void> RelaySource::start(wal::WalTail& tail, wal::FaultLog& /*faults*/,
                                Source::Listener& listener) {
  tail_ = &tail;
  listener_ = &listener;
  writer_.emplace(wal::Writer::Options{.directory = options_.directory,
                                       .identity = identity_,
                                       .retention = options_.retention,
                                       .free_bytes_min = options_.free_bytes_min},
                  clock_, tail, doorbell_);
  if (options_.xmin_horizon != nullptr) {
    options_.xmin_horizon->set_listener([this] { doorbell_.ring(); }, options_.feedback_age_max);
  }
  if (options_.quorum != nullptr) {
    options_.quorum->set_listener([this] { doorbell_.ring(); });
  }
  TRY(inventory_.has_value() ? resume_spool() : begin_at(*first_primary_));
  thread_ = std::make_unique<runtime::NamedThread>("walreceiver",
                                                   [this](memctx::Context&) { run(); });
  return {};
}

// What a crash has torn off, or never written, is fetched again.
Result<void> RelaySource::resume_spool() {
  const wal::EndOfWal end = TRY(wal::find_end_of_wal(options_.directory, *inventory_));
  if (end.stopped_by.has_value()) {
    runtime::log::warning("spool has invalid WAL at {}: {}; it is received again",
                          end.stopped_by->lsn, end.stopped_by->what);
  }
  tail_->adopt({inventory_->history, TRY(wal::read_history_files(options_.directory))});
  TRY(writer_->start(end.end, end.last_record));
  const Lsn walked_from = identity_.segment_size.start(inventory_->newest);
  tail_->publish(std::min(walked_from, end.end), end.end, 0, clock_.now());
  runtime::log::log("WAL of system {} on timeline {} ends at {}", identity_.system_identifier,
                    wal::value(inventory_->history.tip()), end.end);
  return {};
}

// A spool that has nothing yet begins with the segment that the primary is at, whenever that is: it
// may have removed the one that it was at before.
Result<void> RelaySource::begin_at(const PrimaryInfo& primary) {
  const wal::SegmentSize size = identity_.segment_size;
  const Lsn begin = size.start(size.segment_of(primary.end));
  auto files = TRY(wal::read_history_files(options_.directory));
  if (wal::value(primary.timeline) > 1 && !files.contains(primary.timeline)) {
    std::string text = TRY(upstream_.history_file(primary.timeline));
    TRY(writer_->add_history_file(primary.timeline, text));
    files.emplace(primary.timeline, std::move(text));
  }
  const bool known = tail_->timelines() != nullptr && tail_->position() == begin &&
                     tail_->timelines()->history.tip() == primary.timeline;
  if (known) return {};
  TimelineHistory history = TRY(wal::history_of(primary.timeline, files));
  tail_->adopt({std::move(history), std::move(files)});
  TRY(writer_->start_empty(begin));
  tail_->publish(begin, begin, 0, clock_.now());
  runtime::log::log("WAL of system {} on timeline {} begins at {}", identity_.system_identifier,
                    wal::value(primary.timeline), begin);
  return {};
}

void RelaySource::stop() {
  if (thread_ == nullptr) return;
  stop_.store(true);
  doorbell_.ring();
  thread_->join();
  thread_.reset();
  if (options_.xmin_horizon != nullptr) options_.xmin_horizon->set_listener({}, {});
  if (options_.quorum != nullptr) options_.quorum->set_listener({});
}

void RelaySource::log_memory_contexts() {
  memory_logs_wanted_.store(memory_logs_wanted_.load() + 1);
  doorbell_.ring();
}

void RelaySource::run() {
  while (try_primary()) {
    const Instant again = clock_.now() + options_.retry_interval;
    while (clock_.now() < again && upstream_.pause(again)) look_at_doorbell();
  }
  upstream_.disconnect();
}

// Returns whether to try again after a while.
bool RelaySource::try_primary() {
  if (stop_.load()) return false;
  const runtime::Error error = receive_from_primary().error();
  if (stop_.load()) return false;
  report(error);
  upstream_.disconnect();
  std::optional<runtime::Error> failure = writer_->flush_failure();
  if (!failure && is_broken_disk(error)) failure = error;
  if (!failure) {
    if (auto rewound = writer_->rewind(); !rewound && is_broken_disk(rewound.error())) {
      failure = rewound.error();
    }
  }
  if (failure) listener_->on_source_failed(*failure);
  return !failure;
}

void RelaySource::report(const runtime::Error& error) {
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
Result<void> RelaySource::receive_from_primary() {
  const PrimaryInfo primary = TRY(connect());
  TRY(check_primary(primary));
  if (writer_->empty()) {
    TRY(begin_at(primary));
  } else {
    TRY(fetch_history_files(primary.timeline));
  }
  for (;;) {
    const TimelineId timeline = tail_->timelines()->history.tip();
    std::optional<NextTimeline> next =
        TRY(upstream_.start_streaming(options_.slot_name, writer_->proven(), timeline));
    if (!next.has_value()) {
      announce();
      next = TRY(stream());
    }
    if (!next.has_value()) {
      return runtime::Error{.kind = &kUpstreamLost,
                            .what = "replication terminated by primary server"};
    }
    TRY(follow(*next));
  }
}

void RelaySource::announce() {
  if (stream_fails_) return;  // soon after it has begun, as it was reported; or it goes on now
  runtime::log::log("started streaming WAL from primary at {} on timeline {} ({})",
                    writer_->proven(), wal::value(tail_->timelines()->history.tip()),
                    upstream_.server());
  last_report_.clear();
}

Result<void> RelaySource::check_primary(const PrimaryInfo& primary) const {
  const TimelineId tip = tail_->timelines()->history.tip();
  if (primary.identity.system_identifier != identity_.system_identifier) {
    return runtime::Error{
        .kind = &kDiverged,
        .what = "database system identifier differs between the primary and standby",
        .detail = format("The primary's identifier is {}, the standby's identifier is {}.",
                         primary.identity.system_identifier, identity_.system_identifier)};
  }
  if (primary.identity != identity_) {
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

// Until the timeline ends. Returns where WAL goes on then.
Result<std::optional<NextTimeline>> RelaySource::stream() {
  reported_ = {};
  reported_xmin_.reset();
  status_sent_ = heard_ = clock_.now();
  ping_sent_ = status_wanted_ = false;
  TRY(send_status(/*forced=*/true));
  for (;;) {
    const bool ended = TRY(take_what_has_come());
    if (ended) return upstream_.finish_streaming();
    writer_->request_flush();
    TRY(send_status(std::exchange(status_wanted_, false)));
    TRY(send_feedback());
    TRY(keep_connection_alive());
    TRY(wait(next_wake()));
  }
}

// Returns whether the stream has ended.
Result<bool> RelaySource::take_what_has_come() {
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

Result<void> RelaySource::take(const wire::XLogData& data) {
  if (Lsn(data.start) != writer_->end()) {
    return runtime::Error{.kind = &kUpstreamLost,
                          .what = format("got WAL data offset {}, expected {}", Lsn(data.start),
                                         writer_->end())};
  }
  const Lsn proven = writer_->proven();
  TRY(write(data.wal));
  if (writer_->proven() > proven && std::exchange(stream_fails_, false)) announce();
  return {};
}

// A full disk pauses the stream, and is tried again until there is room.
Result<void> RelaySource::write(std::span<const std::byte> wal) {
  const Lsn begin = writer_->end();
  bool paused = false;
  for (;;) {
    const Lsn end = writer_->end();
    auto written = writer_->write(wal.subspan(end - begin));
    if (written || !wal::is_full_disk(written.error())) {
      if (paused) runtime::log::log("receiving WAL goes on at {}", end);
      return written;
    }
    if (!std::exchange(paused, true)) {
      runtime::log::error("{}; receiving WAL pauses at {}", written.error().what, end);
    }
    TRY(upstream_.pause(clock_.now() + kDiskRetryInterval));
    look_at_doorbell();
    TRY(send_status(/*forced=*/true));
  }
}

// What the spool has, and of that as much as the policy's standbys have too. Nothing is applied
// here, so that is theirs alone. On one connection nothing is taken back: they had it.
Quorum::Positions RelaySource::confirmed() const {
  const Lsn written = writer_->proven();
  const Lsn flushed = std::min(writer_->flushed(), written);
  if (options_.quorum == nullptr || options_.quorum->policy().kind == AckPolicy::Kind::kSpool) {
    return {.write = written, .flush = flushed, .apply = Lsn()};
  }
  const Quorum::Positions theirs = options_.quorum->confirmed();
  return {.write = std::max(Lsn(reported_.write), std::min(written, theirs.write)),
          .flush = std::max(Lsn(reported_.flush), std::min(flushed, theirs.flush)),
          .apply = std::max(Lsn(reported_.apply), std::min(written, theirs.apply))};
}

// How far we are, if that has changed (XLogWalRcvSendReply).
Result<void> RelaySource::send_status(bool forced, bool reply_requested) {
  const auto [write, flush, apply] = confirmed();
  const bool changed = reported_.write != write.value() || reported_.flush != flush.value() ||
                       reported_.apply != apply.value();
  if (!changed && !forced) return {};
  reported_ = {.write = write.value(),
               .flush = flush.value(),
               .apply = apply.value(),
               .send_time = wire::to_pg_timestamp(clock_.wall_now()),
               .reply_requested = reply_requested};
  status_sent_ = clock_.now();
  return upstream_.send(wire::encode_standby_status(reported_));
}

// If it has changed. The first on a connection clears what an earlier one may have left in the
// primary's slot (walreceiver.c, XLogWalRcvSendHSFeedback).
Result<void> RelaySource::send_feedback() {
  const Xmin xmin =
      options_.xmin_horizon == nullptr ? Xmin{} : options_.xmin_horizon->oldest(clock_.now());
  if (std::exchange(reported_xmin_, xmin) == xmin) return {};
  const auto low = [](std::uint64_t id) { return static_cast<std::uint32_t>(id); };
  const auto high = [](std::uint64_t id) { return static_cast<std::uint32_t>(id >> 32); };
  return upstream_.send(wire::encode_hot_standby_feedback(
      {.send_time = wire::to_pg_timestamp(clock_.wall_now()),
       .xmin = low(xmin.data),
       .xmin_epoch = high(xmin.data),
       .catalog_xmin = low(xmin.catalog),
       .catalog_xmin_epoch = high(xmin.catalog)}));
}

// Half of the timeout without a word gets a ping, and the whole is the end of it.
Result<void> RelaySource::keep_connection_alive() {
  const Instant now = clock_.now();
  const runtime::Duration timeout = options_.upstream.timeout;
  if (timeout.count() > 0 && now >= heard_ + timeout) {
    return runtime::Error{.kind = &kUpstreamLost,
                          .what = "terminating walreceiver due to timeout"};
  }
  if (timeout.count() > 0 && !ping_sent_ && now >= heard_ + timeout / 2) {
    ping_sent_ = true;
    return send_status(/*forced=*/true, /*reply_requested=*/true);
  }
  const bool due =
      options_.status_interval.count() > 0 && now >= status_sent_ + options_.status_interval;
  return send_status(due);
}

Instant RelaySource::next_wake() const {
  Instant wake = Instant::max();
  if (options_.status_interval.count() > 0) wake = status_sent_ + options_.status_interval;
  const runtime::Duration timeout = options_.upstream.timeout;
  if (timeout.count() > 0) wake = std::min(wake, heard_ + (ping_sent_ ? timeout : timeout / 2));
  if (options_.feedback_age_max.count() > 0) {
    wake = std::min(wake, clock_.now() + kAgeCheckInterval);
  }
  if (tail_->has_waiting()) wake = std::min(wake, clock_.now() + kFlushInterval);
  return wake;
}

Result<void> RelaySource::wait(Instant deadline) {
  TRY(upstream_.wait(deadline));
  look_at_doorbell();
  if (auto failure = writer_->flush_failure()) return std::move(*failure);
  if (tail_->has_waiting()) tail_->flush();
  return {};
}

void RelaySource::look_at_doorbell() {
  if (std::exchange(memory_logs_written_, memory_logs_wanted_.load()) == memory_logs_wanted_.load())
    return;
  runtime::log_memory_contexts();
}

}  // namespace server::source
