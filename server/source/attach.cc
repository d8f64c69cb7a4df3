#include "server/source/attach.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "server/wal/directory.h"
#include "server/wal/segment.h"

namespace server::source {

using runtime::format;
using runtime::Result;
using wal::Lsn;
using wal::TimelineHistory;
using wal::TimelineId;

AttachSource::AttachSource(Options options, const runtime::Clock& clock)
    : options_(std::move(options)), clock_(clock), receiver_(options_.receiver, clock, *this) {}

Result<void> AttachSource::open() {
  first_primary_ = TRY(receiver_.connect());
  TRY(receiver_.check_slot());
  facts_ = TRY(receiver_.upstream().cluster_facts());
  const wal::Inventory inventory = TRY(wal::take_inventory(options_.directory));
  identity_ = inventory.identity;
  if (identity_ != first_primary_->identity) {
    return runtime::Error{
        .kind = &kDiverged,
        .what = format("directory \"{}\" holds WAL of another system than the primary's",
                       options_.directory),
        .detail = format("The primary's identifier is {}, that of the WAL is {}.",
                         first_primary_->identity.system_identifier, identity_.system_identifier),
        .hint = "Give it the pg_wal of the server that primary_conninfo names."};
  }
  return {};
}

void AttachSource::set_pins(wal::Pins& pins) {
  pins_ = &pins;
  pins.heed();
}

Result<void> AttachSource::start(wal::WalTail& tail, wal::FaultLog& faults,
                                 Source::Listener& listener) {
  CHECK(pins_ != nullptr);
  tail_ = &tail;
  listener_ = &listener;
  faults_ = &faults;
  tail.hold_from(held_from_);
  tail.promise(Lsn::max());
  TRY(begin_at(*first_primary_));
  receiver_.start(tail);
  return {};
}

// WAL from before the primary's current segment is served without being proven here: the pool
// proves it when a standby asks for it.
Result<void> AttachSource::begin_at(const PrimaryInfo& primary) {
  const wal::SegmentSize size = identity_.segment_size;
  const Lsn begin = size.start(size.segment_of(primary.end));
  auto files = TRY(wal::Directory(options_.directory).read_histories());
  TimelineHistory history = TRY(wal::history_of(primary.timeline, files));
  tail_->adopt({std::move(history), std::move(files)});
  pages_.emplace(options_.directory, size, walked_files_);
  reader_.emplace(*pages_, identity_, clock_, *tail_);
  reader_->seek_first(begin);
  tail_->publish(begin, begin, clock_.now());
  advance(primary.end);
  runtime::log::log("WAL of system {} on timeline {} ends at {}", identity_.system_identifier,
                    wal::value(primary.timeline), reader_->position());
  return {};
}

Result<void> AttachSource::on_connected(const PrimaryInfo& primary) {
  TRY(check_primary(primary, identity_, tail_->timelines()->history.tip()));
  TRY(learn_timelines(primary.timeline));
  slot_from_ = TRY(receiver_.upstream().slot_restart_lsn(receiver_.options().slot_name));
  if (!slot_from_.valid()) return slot_keeps_nothing();
  if (!has_wal(reader_->position(), primary.end)) TRY(skip_to(primary));
  expect_from(reader_->position());
  // A primary that has crashed knows its slot as it was at a checkpoint, and may have removed WAL
  // from there since. The slot is alive, and is moved to where it is needed.
  if (!has_wal(slot_from_, reader_->position())) slot_from_ = reader_->position();
  learn_where_the_primary_is();
  return {};
}

// On this host the kernel tells of the end of a connection when the slot is free and not yet lost.
// A network may be silent, and the slot be lost for long before that is noticed.
void AttachSource::learn_where_the_primary_is() {
  loss_is_told_ = options_.find_place(receiver_.upstream().socket()) == runtime::PeerPlace::kHere;
  if (loss_is_told_) return;
  runtime::log::log("the primary is reached over a network: its WAL is copied before it is sent");
}

// The next WAL that the primary sends comes there. Nothing that it has said of WAL behind that
// holds any more: it may have been on another timeline, or of another server.
void AttachSource::expect_from(Lsn begin) {
  received_ = begin;
  flushed_ = begin;
  suspect_.reset();
}

runtime::Fail AttachSource::slot_keeps_nothing() const {
  return runtime::Fail({.kind = &kUpstreamRefused,
                        .what = format("replication slot \"{}\" of the primary keeps no WAL",
                                       receiver_.options().slot_name),
                        .detail =
                            "It has never reserved WAL, or was invalidated because it exceeded "
                            "max_slot_wal_keep_size.",
                        .hint = "Drop it, and let walcast create it (create_primary_slot)."});
}

void AttachSource::on_cluster_facts(const wal::ClusterFacts& facts) {
  if (std::exchange(facts_, facts) != facts) listener_->on_cluster_facts(facts);
}

// Whether the file with the WAL at `from` is there. It may not be yet if there is no WAL behind
// that.
bool AttachSource::has_wal(Lsn from, Lsn end) const {
  if (from >= end) return true;
  const wal::SegmentSize size = identity_.segment_size;
  const wal::SegmentNo no = size.segment_of(from);
  const TimelineId timeline = tail_->timelines()->history.file_timeline(no, size);
  return wal::Segment::find(wal::Directory(options_.directory).segment_path(timeline, no, size))
      .has_value();
}

// Without a slot the primary has removed what comes next. A standby that still needs it gets
// PostgreSQL's error.
Result<void> AttachSource::skip_to(const PrimaryInfo& primary) {
  runtime::log::warning("the primary has removed WAL from {} on, which had not been received",
                        reader_->position());
  return begin_at(primary);
}

// Standbys ask for the file of every timeline, and find those that the primary has.
Result<void> AttachSource::learn_timelines(TimelineId newest) {
  const wal::Timelines& known = *tail_->timelines();
  auto files = TRY(wal::Directory(options_.directory).read_histories());
  const TimelineHistory theirs = TRY(wal::history_of(newest, files));
  TRY(check_fork(known.history, reader_->position(), theirs));
  if (files == known.files) return {};
  tail_->adopt({known.history, std::move(files)});
  tail_->publish(reader_->position(), reader_->position(), clock_.now());
  return {};
}

// It was flushed before it was sent, so it is in the file, where the primary has read it too.
Result<void> AttachSource::on_wal(const wire::XLogData& data) {
  received_ = Lsn(data.start) + data.wal.size();
  advance(received_);
  return {};
}

void AttachSource::advance(Lsn flushed) {
  flushed_ = flushed;
  const wal::Outcome outcome = reader_->advance(flushed);
  report_unless_growing(outcome);
  say_why_wal_ends(outcome);
}

// The primary has flushed WAL, and its file cannot be read here.
void AttachSource::say_why_wal_ends(wal::Outcome outcome) {
  const auto& problem = reader_->problem();
  if (outcome != wal::Outcome::kEndOfWal || !problem.has_value()) {
    return standstill_.end(reader_->position());
  }
  standstill_.note(format("{}; reading WAL stands still at {}", problem->what, reader_->position()),
                   clock_.now(), kFaultGrace);
}

// The bytes of a record that ends behind what the primary has flushed may still change, and are no
// fault: only a position that stays is reported.
void AttachSource::report_unless_growing(wal::Outcome outcome) {
  if (outcome == wal::Outcome::kRecord) {
    suspect_.reset();
    return;
  }
  const runtime::Instant now = clock_.now();
  if (suspect_ != reader_->position()) {
    suspect_ = reader_->position();
    suspected_since_ = now;
  } else if (outcome == wal::Outcome::kInvalid && now >= suspected_since_ + kFaultGrace) {
    const wal::Fault fault = reader_->fault();
    const wal::SegmentSize size = identity_.segment_size;
    faults_->report(fault,
                    tail_->timelines()->history.file_timeline(size.segment_of(fault.lsn), size));
  }
}

// The primary's slot is this connection's now, and the first report of the stream has said where it
// is to be. It never goes back, and what the primary may have removed before it stays removed. The
// slot may have been invalidated just before it was ours: then the file that it is to keep has gone
// by now, kHoldInterval later.
Result<void> AttachSource::on_turn() {
  const runtime::Instant now = clock_.now();
  if (slot_from_.valid() && hold_due_ == runtime::Instant::max()) hold_due_ = now + kHoldInterval;
  if (now < hold_due_) return {};
  if (slot_from_.valid()) {
    if (!has_wal(slot_from_, reader_->position())) return slot_keeps_nothing();
    pins_->reset(slot_from_);
    hold_from(std::exchange(slot_from_, Lsn()));
  }
  hold_due_ = now + kHoldInterval;
  // WAL that could not be read when it came may be readable, though the primary says nothing new.
  if (suspect_.has_value()) advance(flushed_);
  Lsn limit = reader_->position();
  const Lsn required = options_.holds != nullptr ? options_.holds->oldest() : Lsn();
  if (required.valid()) limit = std::min(limit, required);
  hold_from(pins_->advance(limit));
  return {};
}

// The loops hear of the new position before the primary does, which may then recycle or remove the
// files before it, and of none if they could not hear of the slot's loss. Loops close these: a
// removed file that is open keeps its room on the disk.
void AttachSource::hold_from(Lsn held_from) {
  const Lsn before = std::exchange(held_from_, held_from);
  if (before == held_from) return;
  tail_->hold_from(loss_is_told_ ? held_from : Lsn::max());
  tail_->announce(clock_.now());
  if (held_from == Lsn::max()) return;
  const wal::SegmentSize size = identity_.segment_size;
  for (auto no = size.segment_of(before); no < size.segment_of(held_from); no = wal::next(no)) {
    listener_->on_segment_changed(no);
  }
}

// Nothing is flushed here, for the WAL is on the primary's own disk. So a record whose begin has
// come need not be whole either: a server that stops waits for all that it has sent.
Quorum::Positions AttachSource::confirmed(const Quorum::Positions& /*reported*/) const {
  return {.write = received_, .flush = Lsn(), .apply = Lsn()};
}

Lsn AttachSource::slot_position() const {
  if (slot_from_.valid()) return slot_from_;
  return held_from_ == Lsn::max() ? Lsn() : held_from_;
}

Result<void> AttachSource::on_timeline_ended(const NextTimeline& next) {
  TRY(learn_timelines(next.timeline));
  const TimelineId parent = tail_->timelines()->history.tip();
  auto files = tail_->timelines()->files;
  TimelineHistory history = TRY(wal::history_of(next.timeline, files));
  const Lsn fork = reader_->position();
  if (history.switch_point(parent) != fork) {
    return runtime::Error{.kind = &kDiverged,
                          .what = format("timeline {} ended at {}, but its WAL ends at {}",
                                         wal::value(parent), next.begin, fork)};
  }
  runtime::log::log("timeline {} follows timeline {}, which ends at {}", wal::value(next.timeline),
                    wal::value(parent), fork);
  const Lsn previous = reader_->previous_record();
  tail_->adopt({std::move(history), std::move(files)});
  reader_->seek(fork, previous);
  expect_from(fork);
  tail_->publish(fork, fork, clock_.now());
  return {};
}

// The slot may be dropped or invalidated from now on, and files be recycled. A primary that has
// crashed may go on with other WAL than the begin of a record that was read already.
bool AttachSource::on_connection_lost(const runtime::Error& /*error*/) {
  reader_->restart(reader_->position());
  slot_from_ = Lsn();
  hold_due_ = runtime::Instant::max();
  pins_->reset(Lsn::max());
  hold_from(Lsn::max());
  return true;
}

}  // namespace server::source
