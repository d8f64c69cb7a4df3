#include "server/source/directory.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "runtime/memory_report.h"
#include "server/wal/names.h"

namespace server::source {

using wal::Lsn;
using wal::TimelineId;

DirectorySource::DirectorySource(std::string directory, const runtime::Clock& clock,
                                 const Options& options)
    : directory_(std::move(directory)),
      clock_(clock),
      options_(options),
      data_directory_(directory_),
      loop_(clock, {}),
      watcher_(loop_, *this),
      scanner_(directory_, clock, loop_, *this),
      look_timer_(loop_.timers(), *this),
      fault_timer_(loop_.timers(), *this) {}

runtime::Result<void> DirectorySource::open() {
  loop_.assert_in_thread();
  inventory_ = TRY(wal::take_inventory(directory_, options_.target));
  identity_ = inventory_->identity;
  newest_ = inventory_->newest;
  for (const std::string& warning : inventory_->warnings) {
    runtime::log::warning("{}", warning);
    doubts_.note_logged(warning);
  }
  look_for_server();
  data_directory_.look_at_facts(identity_, clock_.now());
  return {};
}

wal::ClusterFacts DirectorySource::facts() const {
  loop_.assert_in_thread();
  return data_directory_.facts();
}

runtime::Result<void> DirectorySource::start(wal::WalTail& tail, wal::FaultLog& faults,
                                             Source::Listener& listener) {
  loop_.assert_in_thread();
  tail_ = &tail;
  if (is_live_ || options_.files == Files::kMayBeOverwritten) tail.hold_from(Lsn::max());
  faults_ = &faults;
  listener_ = &listener;
  // The watch comes first, so that nothing that happens from here on is missed.
  TRY(watcher_.watch(directory_));
  wal::EndOfWal end = TRY(wal::find_end_of_wal(directory_, *inventory_));
  end_at(inventory_->end_max, inventory_->forked);
  if (end.end > end_max_) {
    end = {.end = end_max_, .last_record = {}, .incomplete_to = end_max_};
  }
  tail.adopt({inventory_->history, inventory_->files});
  pages_.emplace(directory_, identity_.segment_size, walked_files_);
  reader_.emplace(*pages_, identity_, clock_, tail);
  reader_->resume(end.end, end.last_record, end.end);
  const Lsn walked_from = identity_.segment_size.start(inventory_->newest);
  tail.publish(std::min(walked_from, end.end), end.end, clock_.now());
  runtime::log::log("WAL of system {} on timeline {} ends at {}", identity_.system_identifier,
                    wal::value(inventory_->history.tip()), end.end);
  if (end.stopped_by.has_value()) {
    const auto no = identity_.segment_size.segment_of(end.stopped_by->lsn);
    faults.report(*end.stopped_by, inventory_->history.file_timeline(no, identity_.segment_size));
  }
  advance();
  look_timer_.arm(clock_.now());
  scanner_.start(identity_);
  thread_ =
      std::make_unique<runtime::NamedThread>("wal", [this](memctx::Context&) { loop_.run(); });
  return {};
}

void DirectorySource::stop() {
  if (thread_ == nullptr) return;
  loop_.stop();
  thread_->join();
  thread_.reset();
  scanner_.stop();
}

void DirectorySource::log_memory_contexts() {
  loop_.mailbox().post([] { runtime::log_memory_contexts(); });
  scanner_.log_memory_contexts();
}

void DirectorySource::on_file_event(std::string_view name) {
  loop_.assert_in_thread();
  if (name.empty()) {
    timelines_changed_ = grown_ = events_lost_ = true;
    return;
  }
  const auto file = wal::parse_file_name(name);
  if (!file.has_value()) return;
  const wal::SegmentSize size = identity_.segment_size;
  if (file->kind == wal::FileName::Kind::kHistory || may_be_followed(file->timeline)) {
    timelines_changed_ = true;
    return;
  }
  if (file->timeline > inventory_->history.tip()) return;
  const auto no = file->segment(size);
  if (!no.has_value()) return;
  // The file at the end of WAL is expected to change. A file behind it was proven, and has to be
  // proven again.
  const bool behind = *no < size.segment_of(reader_->position());
  if (behind) {
    changed_.insert(*no);
  } else {
    grown_ = true;
  }
}

// Whether WAL of a timeline is a reason to look at the timelines at once. What decides over one
// that was refused is its history file, or a segment of a new name, which a look finds that is not
// urgent; its WAL may be written all the time.
bool DirectorySource::may_be_followed(TimelineId timeline) const {
  return options_.target.kind == wal::TimelineTarget::Kind::kLatest &&
         timeline > inventory_->history.tip() && !refused_.contains(timeline);
}

// Archives give a segment its name once. A server that recycles a segment gives its file another
// one, and then overwrites it.
void DirectorySource::on_file_renamed(std::string_view from, std::string_view to) {
  loop_.assert_in_thread();
  const auto is_segment = [](std::string_view name) {
    const auto file = wal::parse_file_name(name);
    return file.has_value() && file->kind == wal::FileName::Kind::kSegment;
  };
  if (is_live_ || !is_segment(from) || !is_segment(to)) return;
  note_recycling(runtime::format("file \"{}\" has become \"{}\"", from, to));
  tail_->hold_from(Lsn::max());
  tail_->announce(loop_.now());
}

void DirectorySource::on_events_done() {
  loop_.assert_in_thread();
  // A server may have begun to recycle files here: then the loops hear of that first.
  if (!changed_.empty()) release_files_to_server();
  for (const wal::SegmentNo no : std::exchange(changed_, {})) listener_->on_segment_changed(no);
  if (std::exchange(events_lost_, false)) scanner_.look_for_lost_changes();
  if (std::exchange(timelines_changed_, false)) scanner_.scan();
  if (std::exchange(grown_, false)) advance();
}

void DirectorySource::on_timer(runtime::Timer& timer) {
  loop_.assert_in_thread();
  if (&timer == &look_timer_) {
    look();
  } else {
    const wal::Fault fault = reader_->fault();
    if (suspect_.has_value() && suspect_->lsn == fault.lsn && suspect_->what == fault.what) {
      const wal::SegmentSize size = identity_.segment_size;
      faults_->report(fault, inventory_->history.file_timeline(size.segment_of(fault.lsn), size));
    }
    suspect_.reset();
  }
}

void DirectorySource::look() {
  look_timer_.arm(loop_.now() + kLookInterval);
  release_files_to_server();
  look_at_facts();
  std::error_code error;
  const auto changed = std::filesystem::last_write_time(directory_, error);
  const bool has_changed = names_changed_ != changed || unlisted_.has_value();
  if (has_changed && scanner_.scan_at_leisure()) names_changed_ = changed;
  grown_ = false;
  advance();
}

void DirectorySource::advance() {
  tail_->note_found(loop_.now());
  const wal::Outcome outcome = reader_->advance(end_max_);
  promise_bytes(outcome);
  report_unless_growing(outcome);
  say_why_wal_ends(outcome);
}

void DirectorySource::report_unless_growing(wal::Outcome outcome) {
  if (outcome != wal::Outcome::kInvalid) {
    suspect_.reset();
    return;
  }
  const wal::Fault fault = reader_->fault();
  if (suspect_.has_value() && suspect_->lsn == fault.lsn && suspect_->what == fault.what) return;
  suspect_ = fault;
  fault_timer_.arm(loop_.now() + kFaultGrace);
}

Scanner::KnownWal DirectorySource::known_wal() const {
  loop_.assert_in_thread();
  return {tail_->timelines(), identity_.segment_size.segment_of(reader_->position())};
}

// The kernel's queue was full, so that files behind the end of WAL may have changed without a word.
// The file in which WAL ends is looked at by the reader anyway.
void DirectorySource::look_for_lost_changes(const Scanner::KnownWal& known) {
  listener_->on_changes_lost(*known.timelines, known.last);
}

wal::TimelineId DirectorySource::served_timeline() const {
  loop_.assert_in_thread();
  return inventory_->history.tip();
}

void DirectorySource::on_scanned(Scanner::Found found) {
  loop_.assert_in_thread();
  follow_timelines(std::move(found));
  if (std::exchange(grown_, false)) advance();
}

// A record that reaches beyond the last file is none yet, but its bytes are here as far as that
// file goes. A standby that has restored the same files asks for what comes behind them, and waits.
void DirectorySource::promise_bytes(wal::Outcome outcome) {
  const Lsn position = reader_->position();
  Lsn promised;
  if (outcome == wal::Outcome::kEndOfWal) {
    const wal::SegmentSize size = identity_.segment_size;
    const Lsn whole = size.start(size.segment_of(std::min(reader_->bytes_end(), end_max_)));
    if (whole > position) promised = whole;
  }
  if (std::exchange(promised_, promised) == promised) return;
  tail_->promise(promised);
  tail_->announce(loop_.now());
}

// Where WAL ends in a way that growing WAL does too, nothing is said.
void DirectorySource::say_why_wal_ends(wal::Outcome outcome) {
  if (const auto why = obstacle(outcome)) {
    standstill_.note(*why, loop_.now(), kFaultGrace);
  } else if (const auto missing = gap(outcome)) {
    standstill_.note(*missing, loop_.now(), kGapGrace);
  } else if (outcome != wal::Outcome::kInvalid) {
    standstill_.end(reader_->position());
  }
}

// What the operating system says, of the directory or of a file.
std::optional<std::string> DirectorySource::obstacle(wal::Outcome outcome) const {
  if (unlisted_.has_value()) return unlisted_;
  if (outcome != wal::Outcome::kEndOfWal) return std::nullopt;
  const auto& problem = reader_->problem();
  if (!problem.has_value() || problem->kind == &runtime::kFileMissing) return std::nullopt;
  return runtime::format("{}; reading WAL stands still at {}", problem->what, reader_->position());
}

// WAL that is here, and cannot be reached.
std::optional<std::string> DirectorySource::gap(wal::Outcome outcome) const {
  const wal::SegmentSize size = identity_.segment_size;
  const Lsn position = reader_->position();
  if (outcome == wal::Outcome::kRecord && position >= end_max_) {
    return runtime::format(
        "timeline {} ends at {} by history file \"{}\", and there is no WAL of timeline {} yet: "
        "reading WAL stands still (see recovery_target_timeline)",
        wal::value(inventory_->history.tip()), end_max_, wal::history_name(forked_),
        wal::value(forked_));
  }
  if (outcome != wal::Outcome::kEndOfWal || newest_ <= size.segment_of(position)) {
    return std::nullopt;
  }
  const wal::SegmentNo last = size.segment_of(reader_->bytes_end());
  if (newest_ <= last) return std::nullopt;
  const wal::TimelineHistory& history = inventory_->history;
  const auto name = [&](wal::SegmentNo no) {
    return wal::segment_name(history.file_timeline(no, size), no, size);
  };
  return runtime::format(
      "WAL segment {} is missing or not all there, while segment {} is: reading WAL stands still "
      "at {}",
      name(last), name(newest_), position);
}

// A new timeline is followed once it has WAL, and the tip ends once a child's history is there.
void DirectorySource::follow_timelines(Scanner::Found survey) {
  const wal::TimelineHistory known = inventory_->history;
  unlisted_.reset();
  if (!survey) {
    unlisted_ = survey.error().what;
    return;
  }
  const auto newest = survey->ends.find(known.tip());
  if (newest != survey->ends.end()) newest_ = newest->second;
  if (options_.target.kind != wal::TimelineTarget::Kind::kLatest) survey->ends = {};
  wal::Branch branch =
      wal::follow_branch(known, survey->ends, survey->files, identity_.segment_size);
  if (options_.target.kind == wal::TimelineTarget::Kind::kLatest) {
    std::move(branch.warnings.begin(), branch.warnings.end(), std::back_inserter(survey->warnings));
    end_at(branch.end_max, branch.forked);
    if (doubts_.note(survey->warnings, loop_.now())) names_changed_ = {};  // the next look decides
  }
  refused_ = std::move(branch.refused);
  const TimelineId tip = branch.history.tip();
  if (tip != known.tip()) {
    runtime::log::log("timeline {} follows timeline {}, which ends at {}", wal::value(tip),
                      wal::value(known.tip()), *branch.history.switch_point(known.tip()));
    newest_ = survey->ends.at(tip);
    grown_ = true;
  }
  if (tip != known.tip() || survey->files != tail_->timelines()->files) {
    adopt(std::move(branch.history), std::move(survey->files));
  }
}

// WAL of the tip that was served already stays so: it cannot be called back.
void DirectorySource::end_at(Lsn end_max, TimelineId forked) {
  if (std::exchange(end_max_, end_max) == end_max) return;
  forked_ = forked;
  if (!reader_.has_value() || reader_->position() <= end_max) return;
  runtime::log::warning(
      "timeline {} ends at {} by history file \"{}\", which came when WAL up to {} was served",
      wal::value(inventory_->history.tip()), end_max, wal::history_name(forked),
      reader_->position());
}

void DirectorySource::adopt(wal::TimelineHistory history, wal::HistoryFiles files) {
  // Behind the fork the old timeline's WAL is void, whatever was read of it. Else the reader goes
  // on as it did, looking for a first record where it has found none yet.
  const Lsn fork = wal::earliest_fork(history, inventory_->history.tip());
  const bool beyond = reader_->position() > fork;
  inventory_->history = history;
  tail_->adopt({std::move(history), std::move(files)});
  beyond ? reader_->seek(fork, Lsn()) : reader_->restart(reader_->position());
  tail_->publish(reader_->position(), reader_->position(), clock_.now());
}

// Whether a server has been found to run on the directory, for the first time. From then on the
// directory counts as that of a running server.
bool DirectorySource::look_for_server() {
  if (is_live_) return false;
  const auto pid_file = data_directory_.find_server();
  if (!pid_file) return false;
  note_recycling(runtime::format("it has \"{}\"", *pid_file));
  return true;
}

void DirectorySource::note_recycling(std::string_view why) {
  is_live_ = true;
  runtime::log::warning(
      "directory \"{}\" belongs to a running server, which recycles its segments: WAL is copied "
      "before it is sent, and may include what that server has not flushed yet ({})",
      directory_, why);
}

// No loop may have pages on their way of files that a server is going to overwrite.
void DirectorySource::release_files_to_server() {
  if (!look_for_server()) return;
  tail_->hold_from(Lsn::max());
  tail_->announce(loop_.now());
  grown_ = true;
}

void DirectorySource::look_at_facts() {
  if (!data_directory_.look_at_facts(identity_, loop_.now())) return;
  listener_->on_cluster_facts(data_directory_.facts());
}

}  // namespace server::source
