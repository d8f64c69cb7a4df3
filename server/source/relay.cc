#include "server/source/relay.h"

#include <algorithm>
#include <utility>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "server/wal/directory.h"

namespace server::source {

using runtime::format;
using runtime::Result;
using wal::Lsn;
using wal::TimelineHistory;
using wal::TimelineId;

namespace {

// So often a full disk is tried again, or a call that found no descriptor, and the primary hears of
// us while a slow disk is waited for.
constexpr runtime::Duration kDiskRetryInterval = std::chrono::seconds(1);

bool will_pass(const runtime::Error& error) {
  return runtime::is_full_disk(error) || runtime::is_out_of_resources(error);
}

// Only files have an errno, and one that fails may have lost what it was given.
bool is_broken_disk(const runtime::Error& error) {
  return error.sys_errno != 0 && !will_pass(error);
}

}  // namespace

RelaySource::RelaySource(Options options, const runtime::Clock& clock)
    : options_(std::move(options)), clock_(clock), receiver_(options_.receiver, clock, *this) {}

Result<void> RelaySource::open() {
  TRY(runtime::create_directories(options_.directory));
  directory_lock_ = TRY(runtime::lock_directory(options_.directory));
  auto inventory = wal::take_inventory(options_.directory);
  if (inventory) {
    for (const std::string& warning : inventory->warnings) runtime::log::warning("{}", warning);
    identity_ = inventory->identity;
    inventory_ = std::move(*inventory);
    return {};
  }
  if (inventory.error().kind != &wal::kNoWal) return std::move(inventory).error();
  first_primary_ = TRY(receiver_.connect());
  identity_ = first_primary_->identity;
  return {};
}

Result<void> RelaySource::start(wal::WalTail& tail, wal::FaultLog& /*faults*/,
                                Source::Listener& listener) {
  tail_ = &tail;
  listener_ = &listener;
  writer_.emplace(
      wal::Writer::Options{
          .directory = options_.directory,
          .identity = identity_,
          .retention = options_.retention,
          .free_bytes_min = options_.free_bytes_min,
          .on_removed = [this](wal::SegmentNo no) { listener_->on_segment_changed(no); }},
      clock_, tail, receiver_.doorbell());
  // Until the primary says how much there is, a standby that is ahead may be right.
  tail.promise(Lsn::max());
  TRY(inventory_.has_value() ? resume_spool() : begin_at(*first_primary_));
  receiver_.start(tail);
  return {};
}

// What a crash has torn off, or never written, is fetched again. What is there was proven once, but
// the server may have ended before it was durable, or because it could not be made so.
Result<void> RelaySource::resume_spool() {
  TRY(wal::Directory(options_.directory).sync());
  TRY(read_end_from_disk());
  const wal::EndOfWal end = TRY(wal::find_end_of_wal(options_.directory, *inventory_));
  if (end.stopped_by.has_value()) {
    runtime::log::warning("spool has invalid WAL at {}: {}; it is received again",
                          end.stopped_by->lsn, end.stopped_by->what);
  }
  tail_->adopt({inventory_->history, TRY(wal::Directory(options_.directory).read_histories())});
  TRY(writer_->start(end.end, end.last_record));
  const Lsn walked_from = identity_.segment_size.start(inventory_->newest);
  tail_->publish(std::min(walked_from, end.end), end.end, clock_.now());
  runtime::log::log("WAL of system {} on timeline {} ends at {}", identity_.system_identifier,
                    wal::value(inventory_->history.tip()), end.end);
  return {};
}

// The segments that are looked through for the end of WAL.
Result<void> RelaySource::read_end_from_disk() {
  const wal::Directory directory(options_.directory);
  const wal::SegmentSize size = identity_.segment_size;
  for (const auto& [timeline, no] : TRY(directory.segments(size))) {
    if (no < wal::previous(inventory_->newest)) continue;
    TRY(runtime::drop_cached(directory.segment_path(timeline, no, size)));
  }
  return {};
}

// A spool that has nothing yet begins with the segment that the primary is at, whenever that is: it
// may have removed the one that it was at before.
Result<void> RelaySource::begin_at(const PrimaryInfo& primary) {
  const wal::SegmentSize size = identity_.segment_size;
  const Lsn begin = size.start(size.segment_of(primary.end));
  auto files = TRY(wal::Directory(options_.directory).read_histories());
  const auto fetched = TRY(fetch_history_files(kFirstTimeline, primary.timeline));
  TRY(keep_history_files(fetched, files));
  const bool known = tail_->timelines() != nullptr && tail_->position() == begin &&
                     tail_->timelines()->history.tip() == primary.timeline;
  if (known) return {};
  TimelineHistory history = TRY(wal::history_of(primary.timeline, files));
  tail_->adopt({std::move(history), std::move(files)});
  TRY(writer_->start_empty(begin));
  tail_->publish(begin, begin, clock_.now());
  runtime::log::log("WAL of system {} on timeline {} begins at {}", identity_.system_identifier,
                    wal::value(primary.timeline), begin);
  return {};
}

Result<void> RelaySource::on_connected(const PrimaryInfo& primary) {
  TRY(check_primary(primary, identity_, tail_->timelines()->history.tip()));
  return writer_->empty() ? begin_at(primary) : learn_timelines(primary.timeline);
}

Result<void> RelaySource::on_wal(const wire::XLogData& data) {
  if (Lsn(data.start) != writer_->end()) {
    return runtime::Error{
        .kind = &kUpstreamLost,
        .what = format("got WAL data offset {}, expected {}", Lsn(data.start), writer_->end())};
  }
  const std::uint64_t unsynced_max = identity_.segment_size.bytes();
  TRY(flush_but(unsynced_max - std::min<std::uint64_t>(unsynced_max, data.wal.size())));
  return write(data.wal);
}

// Waits until no more than so much is written and not on disk. After a crash the two newest
// segments are looked through for the end of WAL: so only in these may there be what the disk has
// lost.
Result<void> RelaySource::flush_but(std::uint64_t bytes_max) {
  while (writer_->flushed() + bytes_max < writer_->end()) {
    writer_->request_flush();
    if (writer_->is_flushing()) TRY(receiver_.pause(kDiskRetryInterval));
    if (auto failure = writer_->flush_failure()) return std::move(*failure);
  }
  return {};
}

// A sync that is under way is waited for: its files must not go meanwhile. Nothing may be written
// before later segments have gone, and they are found only with a descriptor.
Result<void> RelaySource::rewind() {
  for (;;) {
    while (writer_->is_flushing()) TRY(receiver_.pause(kDiskRetryInterval));
    auto rewound = writer_->rewind();
    if (rewound || !runtime::is_out_of_resources(rewound.error())) return rewound;
    TRY(receiver_.pause(kDiskRetryInterval));
  }
}

// What will pass, such as a full disk, pauses the stream, and is tried again until it has. What has
// been written is made durable meanwhile, for it was allocated before.
Result<void> RelaySource::write(std::span<const std::byte> wal) {
  const Lsn begin = writer_->end();
  bool paused = false;
  for (;;) {
    const Lsn end = writer_->end();
    auto written = writer_->write(wal.subspan(end - begin));
    if (written || !will_pass(written.error())) {
      if (paused) runtime::log::log("receiving WAL goes on at {}", end);
      return written;
    }
    if (!std::exchange(paused, true)) {
      runtime::log::error("{}; receiving WAL pauses at {}", written.error().what, end);
    }
    TRY(on_turn());
    TRY(receiver_.pause(kDiskRetryInterval));
  }
}

Result<void> RelaySource::on_turn() {
  writer_->request_flush();
  if (auto failure = writer_->flush_failure()) return std::move(*failure);
  return {};
}

// What the spool has, and of that as much as the policy's standbys have too. Nothing is applied
// here, so that is theirs alone. On one connection nothing is taken back: they had it.
Quorum::Positions RelaySource::confirmed(const Quorum::Positions& reported) const {
  const Lsn written = writer_->proven();
  const Lsn flushed = std::min(writer_->flushed(), written);
  const Quorum* const quorum = receiver_.options().quorum;
  if (quorum == nullptr || quorum->policy().kind == AckPolicy::Kind::kSpool) {
    return {.write = written, .flush = flushed, .apply = Lsn()};
  }
  const Quorum::Positions theirs = quorum->confirmed();
  return {.write = std::max(reported.write, std::min(written, theirs.write)),
          .flush = std::max(reported.flush, std::min(flushed, theirs.flush)),
          .apply = std::max(reported.apply, std::min(written, theirs.apply))};
}

// Standbys ask for the file of every timeline that was ever reported to them (walreceiver.c,
// WalRcvFetchTimeLineHistoryFiles). One that is not in the newest one's history may be missing.
Result<wal::HistoryFiles> RelaySource::fetch_history_files(TimelineId known, TimelineId newest) {
  wal::HistoryFiles fetched;
  for (auto timeline = wal::value(known) + 1; timeline <= wal::value(newest); ++timeline) {
    const TimelineId id{timeline};
    auto text = receiver_.upstream().history_file(id);
    if (!text && text.error().kind == &kUpstreamRefused && id != newest) continue;
    if (!text) return text.error();
    fetched.emplace(id, std::move(*text));
  }
  return fetched;
}

// The files that the spool has of these timelines may be of other promotions, which came to
// nothing.
Result<void> RelaySource::keep_history_files(const wal::HistoryFiles& fetched,
                                             wal::HistoryFiles& files) {
  for (const auto& [timeline, text] : fetched) {
    TRY(writer_->add_history_file(timeline, text));
    files.insert_or_assign(timeline, text);
  }
  return {};
}

// Before a history file is kept, the history in it must continue the spool's.
Result<void> RelaySource::learn_timelines(TimelineId newest) {
  const wal::Timelines& known = *tail_->timelines();
  if (newest == known.history.tip()) return check_tip(known.history);
  const wal::HistoryFiles fetched = TRY(fetch_history_files(known.history.tip(), newest));
  const TimelineHistory theirs = TRY(wal::history_of(newest, fetched));
  TRY(check_fork(known.history, writer_->proven(), theirs));
  auto files = known.files;
  TRY(keep_history_files(fetched, files));
  if (files == known.files) return {};
  tail_->adopt({known.history, std::move(files)});
  tail_->publish(writer_->proven(), writer_->proven(), clock_.now());
  return {};
}

// The primary's timeline of our number may be another one: its history tells, if it has one.
Result<void> RelaySource::check_tip(const TimelineHistory& ours) {
  if (ours.tip() == kFirstTimeline) return {};
  const auto text = receiver_.upstream().history_file(ours.tip());
  if (!text && text.error().kind == &kUpstreamRefused) return {};
  if (!text) return text.error();
  const TimelineHistory theirs = TRY(TimelineHistory::parse(ours.tip(), *text));
  return check_fork(ours, writer_->proven(), theirs);
}

// All that the primary has of a timeline is here, and it ends where ours does.
Result<void> RelaySource::on_timeline_ended(const NextTimeline& next) {
  const TimelineHistory& ours = tail_->timelines()->history;
  const TimelineId parent = ours.tip();
  TRY(rewind());
  TRY(learn_timelines(next.timeline));
  auto files = tail_->timelines()->files;
  TimelineHistory history = TRY(wal::history_of(next.timeline, files));
  TRY(check_fork(ours, writer_->proven(), history));
  if (history.switch_point(parent) != writer_->proven()) {
    return runtime::Error{.kind = &kDiverged,
                          .what = format("timeline {} ended at {}, but its WAL ends at {}",
                                         wal::value(parent), next.begin, writer_->proven())};
  }
  TRY(flush_but(0));
  runtime::log::log("timeline {} follows timeline {}, which ends at {}", wal::value(next.timeline),
                    wal::value(parent), writer_->proven());
  TRY(writer_->prepare_timeline(parent, next.timeline));
  const Lsn fork = writer_->proven();
  tail_->adopt({std::move(history), std::move(files)});
  auto followed = writer_->follow_timeline();
  tail_->publish(fork, fork, clock_.now());
  return followed;
}

bool RelaySource::on_connection_lost(const runtime::Error& error) {
  std::optional<runtime::Error> failure = writer_->flush_failure();
  if (!failure && is_broken_disk(error)) failure = error;
  if (!failure) {
    if (auto rewound = rewind(); !rewound && is_broken_disk(rewound.error())) {
      failure = rewound.error();
    }
  }
  if (failure) listener_->on_source_failed(*failure);
  return !failure;
}

}  // namespace server::source
