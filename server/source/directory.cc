#include "server/source/directory.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/log.h"
#include "runtime/memory_report.h"
#include "server/wal/names.h"

namespace server::source {

using wal::Lsn;
using wal::TimelineId;

namespace {

// A server that runs on a data directory has this file beside pg_wal, which may be a link.
std::filesystem::path pid_file(const std::string& directory) {
  std::error_code error;
  auto named = std::filesystem::absolute(directory, error).lexically_normal();
  if (!named.has_filename()) named = named.parent_path();  // it ends in a slash
  const auto beside = named.parent_path() / "postmaster.pid";
  if (std::filesystem::exists(beside, error)) return beside;
  return std::filesystem::canonical(directory, error).parent_path() / "postmaster.pid";
}

// The file may be of a server that has crashed. A standalone backend writes a negative process id.
bool names_running_process(const std::filesystem::path& file) {
  std::ifstream stream(file);
  long pid = 0;
  if (!(stream >> pid) || pid == 0) return false;
  return std::filesystem::exists("/proc/" + std::to_string(pid < 0 ? -pid : pid));
}

// Where the tip's history leaves timeline `known`; Lsn::max() if `known` is the tip. A timeline
// between the two may have forked earlier than the one before it, and then has nothing of its WAL.
Lsn earliest_fork(const wal::TimelineHistory& history, TimelineId known) {
  Lsn earliest = Lsn::max();
  for (TimelineId at = known; at != history.tip(); at = *history.next(at)) {
    earliest = std::min(earliest, *history.switch_point(at));
  }
  return earliest;
}

// A history file may have been written by hand. Records end where others may begin, and the
// first file of a timeline is that of its fork.
runtime::Result<void> check_fork(const wal::Inventory& inventory, TimelineId known) {
  const wal::TimelineHistory& history = inventory.history;
  const Lsn fork = earliest_fork(history, known);
  const bool possible =
      fork.valid() && fork == fork.aligned() &&
      inventory.identity.segment_size.segment_of(history.begin(history.tip())) <= inventory.newest;
  if (possible) return {};
  return runtime::Error{
      .kind = &wal::kBadHistory,
      .what = runtime::format("timeline {} cannot have forked from timeline {} at {}, as its "
                              "history file says: its WAL is not served",
                              wal::value(history.tip()), wal::value(known), fork)};
}

}  // namespace

DirectorySource::DirectorySource(std::string directory, const runtime::Clock& clock)
    : directory_(std::move(directory)),
      clock_(clock),
      loop_(clock, {}),
      watcher_(loop_, *this),
      scanner_(directory_, clock, loop_, *this),
      look_timer_(loop_.timers(), *this),
      fault_timer_(loop_.timers(), *this) {}

runtime::Result<void> DirectorySource::open() {
  loop_.assert_in_thread();
  inventory_ = TRY(wal::take_inventory(directory_));
  identity_ = inventory_->identity;
  for (const std::string& warning : inventory_->warnings) runtime::log::warning("{}", warning);
  look_for_server();
  return {};
}

runtime::Result<void> DirectorySource::start(wal::WalTail& tail, wal::FaultLog& faults,
                                             Source::Listener& listener) {
  loop_.assert_in_thread();
  tail_ = &tail;
  if (live_cluster_.load()) tail.hold_from(Lsn::max());
  faults_ = &faults;
  listener_ = &listener;
  // The watch comes first, so that nothing that happens from here on is missed.
  TRY(watcher_.watch(directory_));
  const wal::EndOfWal end = TRY(wal::find_end_of_wal(directory_, *inventory_));
  tail.adopt({inventory_->history, TRY(wal::Directory(directory_).read_histories())});
  pages_.emplace(directory_, identity_.segment_size, walked_files_);
  reader_.emplace(*pages_, identity_, clock_, tail);
  reader_->resume(end.end, end.last_record);
  const Lsn walked_from = identity_.segment_size.start(inventory_->newest);
  tail.publish(std::min(walked_from, end.end), end.end, clock_.now());
  runtime::log::log("WAL of system {} on timeline {} ends at {}", identity_.system_identifier,
                    wal::value(inventory_->history.tip()), end.end);
  if (end.stopped_by.has_value()) {
    const auto no = identity_.segment_size.segment_of(end.stopped_by->lsn);
    faults.report(*end.stopped_by, inventory_->history.file_timeline(no, identity_.segment_size));
  }
  look_timer_.arm(clock_.now());
  scanner_.start();
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
  scanner_.post([] { runtime::log_memory_contexts(); });
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
  if (file->kind == wal::FileName::Kind::kHistory || file->timeline > inventory_->history.tip()) {
    timelines_changed_ = true;
    return;
  }
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

void DirectorySource::on_events_done() {
  loop_.assert_in_thread();
  // A server may have begun to recycle files here: then the loops hear of that first.
  if (!changed_.empty()) release_files_to_server();
  for (const wal::SegmentNo no : std::exchange(changed_, {})) listener_->on_segment_changed(no);
  if (std::exchange(events_lost_, false)) look_for_lost_changes();
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
  std::error_code error;
  const auto changed = std::filesystem::last_write_time(directory_, error);
  if (!error && names_changed_ != changed && scanner_.scan_at_leisure()) names_changed_ = changed;
  grown_ = false;
  advance();
}

void DirectorySource::advance() { report_unless_growing(reader_->advance()); }

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

// The kernel's queue was full, so that files behind the tail may have changed without a word. The
// file in which WAL ends is looked at by the reader anyway.
void DirectorySource::look_for_lost_changes() {
  const wal::SegmentNo before = identity_.segment_size.segment_of(reader_->position());
  scanner_.post([listener = listener_, timelines = tail_->timelines(), before] {
    listener->on_changes_lost(*timelines, before);
  });
}

void DirectorySource::on_scanned(Scanner::Found found) {
  loop_.assert_in_thread();
  follow_timelines(std::move(found));
  if (std::exchange(grown_, false)) advance();
}

// A new timeline is followed once a segment of it has valid WAL, if it descends from ours.
void DirectorySource::follow_timelines(Scanner::Found found) {
  auto& [inventory, files] = found;
  if (!inventory || !files) return;  // half-written, or gone: the next event or look tells more
  const TimelineId old_tip = inventory_->history.tip();
  const TimelineId new_tip = inventory->history.tip();
  const bool known_parents = wal::continues(inventory->history, inventory_->history);
  if (new_tip == old_tip) {
    // Standbys may be on any timeline of the known history, so no file that goes takes one away.
    if (!known_parents) inventory->history = inventory_->history;
    if (*files != tail_->timelines()->files) adopt(std::move(*inventory), std::move(*files));
    return;
  }
  if (!known_parents) {
    // Its history file may still be on the way: pg_receivewal writes that one first.
    if (files->contains(new_tip) && refused_.insert(new_tip).second) {
      runtime::log::warning("timeline {} is not a child of timeline {}: its WAL is not served",
                            wal::value(new_tip), wal::value(old_tip));
    }
    return;
  }
  if (auto possible = check_fork(*inventory, old_tip); !possible) {
    if (refused_.insert(new_tip).second) runtime::log::warning("{}", possible.error().what);
    return;
  }
  runtime::log::log("timeline {} follows timeline {}, which ends at {}", wal::value(new_tip),
                    wal::value(old_tip), *inventory->history.switch_point(old_tip));
  adopt(std::move(*inventory), std::move(*files));
  grown_ = true;
}

void DirectorySource::adopt(wal::Inventory inventory, std::map<TimelineId, std::string> files) {
  // Behind the fork the old timeline's WAL is void, whatever was read of it.
  const Lsn fork = earliest_fork(inventory.history, inventory_->history.tip());
  const bool beyond = reader_->position() > fork;
  const Lsn position = beyond ? fork : reader_->position();
  const Lsn previous = beyond ? Lsn() : reader_->previous_record();
  inventory_ = std::move(inventory);
  tail_->adopt({inventory_->history, std::move(files)});
  reader_->seek(position, previous);
  tail_->publish(position, position, clock_.now());
}

// Whether a server has been found to run on the directory, for the first time. From then on the
// directory counts as that of a running server.
bool DirectorySource::look_for_server() {
  if (live_cluster_.load()) return false;
  const auto file = pid_file(directory_);
  std::error_code error;
  const auto changed = std::filesystem::last_write_time(file, error);
  if (error || std::exchange(pid_file_changed_, changed) == changed) return false;
  if (!names_running_process(file)) return false;
  live_cluster_.store(true);
  runtime::log::warning(
      "directory \"{}\" belongs to a running server, which recycles its segments: WAL is copied "
      "before it is sent, and may include what that server has not flushed yet",
      directory_);
  return true;
}

// No loop may have pages on their way of files that a server is going to overwrite.
void DirectorySource::release_files_to_server() {
  if (!look_for_server()) return;
  tail_->hold_from(Lsn::max());
  tail_->announce(loop_.now());
  grown_ = true;
}

}  // namespace server::source
