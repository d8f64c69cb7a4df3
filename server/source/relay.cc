#include "server/source/relay.h"

#include <algorithm>
#include <optional>
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

// The time after which a full disk, or a call that found no descriptor, is tried again. While the
// receiver waits for a slow disk, it reports to the primary after this time.
constexpr runtime::Duration kDiskRetryInterval = std::chrono::seconds(1);

bool will_pass(const runtime::Error& error) {
  return runtime::is_full_disk(error) || runtime::is_out_of_resources(error);
}

// Only errors of files have an errno. A file that has failed may have lost what was written to it.
bool is_broken_disk(const runtime::Error& error) {
  return error.sys_errno != 0 && !will_pass(error);
}

Resumption::Loss loss_of(const runtime::Error& error) {
  if (error.kind == &runtime::kDataCorrupted) return Resumption::Loss::kWrong;
  return error.kind == &kUpstreamRefused ? Resumption::Loss::kRefused : Resumption::Loss::kLost;
}

}  // namespace

RelaySource::RelaySource(Options options, const runtime::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      spool_({.directory = options_.directory,
              .writer = wal::SpoolWriter::kReceiver,
              .adopt = options_.adopt}),
      receiver_(options_.receiver, clock, *this) {}

Result<void> RelaySource::open() {
  TRY(spool_.open());
  auto inventory = spool_.take_inventory();
  if (inventory) {
    for (const std::string& warning : inventory->warnings) runtime::log::warning("{}", warning);
    identity_ = inventory->identity;
    inventory_ = std::move(*inventory);
    auto facts = wal::read_cluster_facts(facts_path(), identity_.system_identifier);
    if (!facts) runtime::log::warning("{}", facts.error().what);
    if (facts) facts_ = std::move(*facts);
    return spool_.claim(identity_.system_identifier);
  }
  if (inventory.error().kind != &wal::kNoWal) return std::move(inventory).error();
  TRY(spool_.check_empty());
  first_primary_ = TRY(receiver_.connect());
  TRY(receiver_.check_slot());
  identity_ = first_primary_->identity;
  facts_ = TRY(receiver_.upstream().cluster_facts());
  TRY(spool_.claim(identity_.system_identifier));
  keep_facts();
  return {};
}

std::string RelaySource::facts_path() const {
  return format("{}/{}", options_.directory, wal::kClusterFactsFile);
}

// Without the file the facts are asked for again, so a disk that cannot take it costs no more.
void RelaySource::keep_facts() const {
  const auto kept = wal::write_cluster_facts(facts_path(), identity_.system_identifier, facts_);
  if (!kept) runtime::log::warning("{}", kept.error().what);
}

void RelaySource::on_cluster_facts(const wal::ClusterFacts& facts) {
  if (std::exchange(facts_, facts) == facts) return;
  keep_facts();
  listener_->on_cluster_facts(facts);
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
          .on_removed = [this](wal::SegmentNo no) { listener_->on_segment_changed(no); },
          .mark = &spool_.mark()},
      clock_, tail, receiver_.doorbell());
  // Until the primary says how much there is, a standby that is ahead may be right.
  tail.promise(Lsn::max());
  TRY(inventory_.has_value() ? resume_spool() : begin_at(*first_primary_));
  receiver_.start(tail);
  return {};
}

// From the receiver's end on the writer is this thread's.
void RelaySource::stop() {
  receiver_.stop();
  if (writer_) writer_->finish();
}

// WAL that a crash has torn off, or that never reached the disk, is received again; what is found
// in its place is set aside. A disk that is too full for that pauses the stream, when it begins.
Result<void> RelaySource::resume_spool() {
  const wal::EndOfWal end = TRY(spool_.find_end(*inventory_));
  if (end.stopped_by.has_value()) {
    runtime::log::warning("spool has invalid WAL at {}: {}; it is received again",
                          end.stopped_by->lsn, end.stopped_by->what);
  }
  auto files = TRY(wal::Directory(options_.directory).read_histories());
  tail_->adopt({inventory_->history, std::move(files)});
  const auto started = writer_->start(end.end, end.last_record, end.incomplete_to);
  if (!started && !will_pass(started.error())) return started;
  if (!started) runtime::log::error("{}; no WAL is received meanwhile", started.error().what);
  resumption_.restart(writer_->positions(), identity_.segment_size);
  const Lsn walked_from = identity_.segment_size.start(inventory_->newest);
  tail_->publish(std::min(walked_from, end.end), end.end, clock_.now());
  runtime::log::log("WAL of system {} on timeline {} ends at {}", identity_.system_identifier,
                    wal::value(inventory_->history.tip()), end.end);
  if (end.incomplete_to > end.end) {
    runtime::log::log("the record that begins there is not whole; the spool has its pages up to {}",
                      end.incomplete_to);
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
  if (writer_->empty()) return begin_at(primary);
  TRY(learn_timelines(primary.timeline));
  resumption_.connect(writer_->positions(), shared_end(primary));
  return {};
}

// How far the primary has the WAL that the spool has, by what it says. A primary that has lost WAL
// in a crash, or was promoted without it, goes on before the end of the spool, and no earlier than
// at the end of a whole record. REQUIRES: its timelines are known.
Lsn RelaySource::shared_end(const PrimaryInfo& primary) const {
  const wal::Timelines& known = *tail_->timelines();
  const auto theirs = wal::history_of(primary.timeline, known.files);
  const auto fork = theirs ? theirs->switch_point(known.history.tip()) : std::nullopt;
  return std::min(primary.end, fork.value_or(Lsn::max()));
}

Result<void> RelaySource::on_wal(const wire::XLogData& data) {
  const Lsn expected = stream_begin();
  if (Lsn(data.start) != expected) {
    return runtime::Error{
        .kind = &kUpstreamLost,
        .what = format("got WAL data offset {}, expected {}", Lsn(data.start), expected)};
  }
  if (data.wal.empty()) return {};
  if (expected < writer_->end()) TRY(take_back(expected));
  resumption_.on_wal(writer_->positions());
  const std::uint64_t unsynced_max = identity_.segment_size.bytes();
  TRY(flush_but(unsynced_max - std::min<std::uint64_t>(unsynced_max, data.wal.size())));
  return write(data.wal);
}

// Waits until no more than `bytes_max` is written and not on disk. After a crash only the two
// newest segments are searched for the end of WAL, so all WAL that the disk may have lost must lie
// in them.
Result<void> RelaySource::flush_but(std::uint64_t bytes_max) {
  while (writer_->flushed() + bytes_max < writer_->end()) {
    writer_->request_flush();
    if (writer_->is_flushing()) TRY(receiver_.pause(kDiskRetryInterval));
    if (auto failure = writer_->flush_failure()) return std::move(*failure);
  }
  return {};
}

// Takes back WAL that is not proven, because other WAL has come for its place:
//   1. A record that begins in segment 5 is not whole, and goes on otherwise. The flusher is just
//      syncing 5 and 6.
//   2. take_back() waits for the end of that sync, or the flusher would say later that WAL of
//      segment 6 is durable, which is not there any more.
//   3. Segment 6 is unlinked, the rest of 5 becomes zeros, and flushed() goes back to what is left.
//   4. The other WAL is written there, and is flushed after a sync of its own.
// Nothing may be written before later segments have gone, and finding these takes a descriptor.
Result<void> RelaySource::take_back(Lsn from) {
  bool paused = false;
  for (;;) {
    while (writer_->is_flushing()) TRY(receiver_.pause(kDiskRetryInterval));
    auto taken_back = writer_->take_back(from);
    if (taken_back || !will_pass(taken_back.error())) {
      if (paused) tell_going_on();
      return taken_back;
    }
    if (!std::exchange(paused, true)) tell_pause(taken_back.error());
    TRY(receiver_.pause(kDiskRetryInterval));
  }
}

// An error that will pass, such as a full disk, pauses the stream, and the write is tried again
// until it succeeds. WAL that is written already is made durable meanwhile, for its room was
// allocated before.
Result<void> RelaySource::write(std::span<const std::byte> wal) {
  const Lsn begin = writer_->end();
  bool paused = false;
  for (;;) {
    const Lsn end = writer_->end();
    auto written = writer_->write(wal.subspan(end - begin));
    if (written || !will_pass(written.error())) {
      if (paused) tell_going_on();
      return written;
    }
    if (!std::exchange(paused, true)) tell_pause(written.error());
    TRY(on_turn());
    TRY(receiver_.pause(kDiskRetryInterval));
  }
}

void RelaySource::tell_pause(const runtime::Error& error) {
  runtime::log::error("{}; receiving WAL pauses at {}", error.what, writer_->end());
  tell(ReceiverState::Kind::kPaused, error.what);
}

void RelaySource::tell_going_on() {
  runtime::log::log("receiving WAL goes on at {}", writer_->end());
  tell(ReceiverState::Kind::kStreaming, receiver_.upstream().server());
}

void RelaySource::tell(ReceiverState::Kind kind, std::string text) const {
  receiver_.options().on_state({kind, std::move(text)});
}

Result<void> RelaySource::on_turn() {
  writer_->request_flush();
  if (auto failure = writer_->flush_failure()) return std::move(*failure);
  return {};
}

Quorum::Positions RelaySource::kept() const {
  const Lsn written = stream_begin();
  return {.write = written, .flush = std::min(written, writer_->flushed()), .apply = Lsn()};
}

// What the spool has up to where this stream has come, and of that as much as the policy's standbys
// have too. Standbys are sent whole records only: those that have all of them hold up nothing of
// the next record's begin, in which no commit can end. Nothing is applied here, so `apply` is the
// standbys' alone. On one connection no position goes back when a standby leaves, for the standbys
// did have that WAL.
Quorum::Positions RelaySource::confirmed(const Quorum::Positions& reported) const {
  const auto [written, flushed, applied] = kept();
  const Quorum* const quorum = receiver_.options().quorum;
  if (quorum == nullptr || quorum->policy().kind == AckPolicy::Kind::kSpool) {
    return {.write = written, .flush = flushed, .apply = applied};
  }
  const Lsn proven = writer_->proven();
  const auto of_ours = [&](Lsn ours, Lsn theirs) {
    return theirs >= proven ? ours : std::min(ours, theirs);
  };
  const Quorum::Positions theirs = quorum->confirmed();
  return {.write = std::max(reported.write, of_ours(written, theirs.write)),
          .flush = std::max(reported.flush, of_ours(flushed, theirs.flush)),
          .apply = std::max(reported.apply, std::min(proven, theirs.apply))};
}

// Standbys ask for the file of every timeline that was ever reported to them (walreceiver.c,
// WalRcvFetchTimeLineHistoryFiles), which are those of the newest one's history. The primary may
// lack the file of an older one.
Result<wal::HistoryFiles> RelaySource::fetch_history_files(TimelineId known, TimelineId newest) {
  wal::HistoryFiles fetched;
  if (newest <= known) return fetched;
  const auto fetch = [&](TimelineId id) -> Result<void> {
    auto text = receiver_.upstream().history_file(id);
    if (!text && text.error().kind == &kUpstreamRefused && id != newest) return {};
    if (!text) return text.error();
    if (text->size() > wal::kHistoryBytesMax) {
      return runtime::Error{.kind = &wal::kBadHistory,
                            .what = format("history file of timeline {} is too long: {} bytes",
                                           wal::value(id), text->size())};
    }
    fetched.emplace(id, std::move(*text));
    return {};
  };
  TRY(fetch(newest));
  const TimelineHistory history = TRY(wal::history_of(newest, fetched));
  for (auto id = std::optional(history.owner(Lsn())); id && id != newest; id = history.next(*id)) {
    if (*id > known) TRY(fetch(*id));
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

// The primary's timeline of the same number may be of another promotion. Its history shows that, if
// it has one.
Result<void> RelaySource::check_tip(const TimelineHistory& ours) {
  if (ours.tip() == kFirstTimeline) return {};
  const auto text = receiver_.upstream().history_file(ours.tip());
  if (!text && text.error().kind == &kUpstreamRefused) return {};
  if (!text) return text.error();
  const TimelineHistory theirs = TRY(TimelineHistory::parse(ours.tip(), *text));
  return check_fork(ours, writer_->proven(), theirs);
}

// Goes on with the next timeline. REQUIRES: all WAL that the primary has of this one has come. It
// must end where this spool's ends.
Result<void> RelaySource::on_timeline_ended(const NextTimeline& next) {
  const TimelineHistory& ours = tail_->timelines()->history;
  const TimelineId parent = ours.tip();
  TRY(learn_timelines(next.timeline));
  auto files = tail_->timelines()->files;
  TimelineHistory history = TRY(wal::history_of(next.timeline, files));
  TRY(check_fork(ours, writer_->proven(), history));
  if (history.switch_point(parent) != writer_->proven()) {
    return runtime::Error{.kind = &kDiverged,
                          .what = format("timeline {} ended at {}, but its WAL ends at {}",
                                         wal::value(parent), next.begin, writer_->proven())};
  }
  TRY(take_back(writer_->proven()));
  resumption_.on_rewound();
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
  resumption_.on_lost(writer_->positions(), loss_of(error));
  if (failure) listener_->on_source_failed(*failure);
  return !failure;
}

}  // namespace server::source
