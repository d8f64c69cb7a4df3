#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/thread.h"
#include "runtime/timer.h"
#include "server/source/data_directory.h"
#include "server/source/doubts.h"
#include "server/source/scanner.h"
#include "server/source/source.h"
#include "server/source/standstill.h"
#include "server/source/watcher.h"
#include "server/wal/branch.h"
#include "server/wal/directory_pages.h"
#include "server/wal/inventory.h"
#include "server/wal/reader.h"

namespace server::source {

// A directory of WAL segments: an archive, what pg_receivewal writes, a stopped primary's pg_wal.
// The end of WAL is where its valid records end; growth and new timelines are noticed by inotify,
// and by a look every second for file systems that have none. So is a server that starts on it.
// Of several timelines wal/branch.h chooses, at the start and later by the same rule. The thread
// that follows the end of WAL never lists the directory, which may be an archive of a hundred
// thousand segments.
//   Owner: Server.  Thread: main's until start(), then its own, named "wal"; the scanner's lists.
//   Borrows: clock, tail, faults, segments and listener, which outlive stop().
class DirectorySource final : public Source,
                              private Watcher::Listener,
                              private Scanner::Listener,
                              private runtime::Timer::Handler {
 public:
  // What the operator says of the files. kMayBeOverwritten: a server may recycle them, though none
  // is found: its data directory may not be mounted here, or its process be in another namespace.
  enum class Files { kMayBeOverwritten, kKeepTheirBytes };
  struct Options {
    wal::TimelineTarget target = {};
    Files files = Files::kMayBeOverwritten;
  };

  DirectorySource(std::string directory, const runtime::Clock& clock, const Options& options);
  DirectorySource(std::string directory, const runtime::Clock& clock)
      : DirectorySource(std::move(directory), clock, Options()) {}
  ~DirectorySource() override { stop(); }

  runtime::Result<void> open() override;
  const wal::Identity& identity() const override { return identity_; }
  const std::string& directory() const override { return directory_; }
  wal::ClusterFacts facts() const override;
  runtime::Result<void> start(wal::WalTail& tail, wal::FaultLog& faults,
                              Source::Listener& listener) override;
  void stop() override;
  void log_memory_contexts() override;
  void set_segments(wal::Segments& segments) override {
    walked_files_ = &segments.note_walked_files();
  }

 private:
  // A bad record at the end may be one that is being written: it is reported when it has stayed
  // that way for so long.
  static constexpr runtime::Duration kFaultGrace = std::chrono::milliseconds(500);
  static constexpr runtime::Duration kLookInterval = std::chrono::seconds(1);
  // Files may come in another order than their WAL: what is missing is reported after this time.
  static constexpr runtime::Duration kGapGrace = std::chrono::seconds(5);

  void on_file_event(std::string_view name) override;
  void on_file_renamed(std::string_view from, std::string_view to) override;
  void on_events_done() override;
  void on_timer(runtime::Timer& timer) override;
  wal::TimelineId served_timeline() const override;
  void on_scanned(Scanner::Found found) override;
  Scanner::KnownWal known_wal() const override;
  void look_for_lost_changes(const Scanner::KnownWal& known) override;

  void look() REQUIRES(loop_);
  bool look_for_server() REQUIRES(loop_);
  void note_recycling(std::string_view why) REQUIRES(loop_);
  void release_files_to_server() REQUIRES(loop_);
  void look_at_facts() REQUIRES(loop_);
  void advance() REQUIRES(loop_);
  void follow_timelines(Scanner::Found found) REQUIRES(loop_);
  bool may_be_followed(wal::TimelineId timeline) const REQUIRES(loop_);
  void adopt(wal::TimelineHistory history, wal::HistoryFiles files) REQUIRES(loop_);
  void end_at(wal::Lsn end_max, wal::TimelineId forked) REQUIRES(loop_);
  void report_unless_growing(wal::Outcome outcome) REQUIRES(loop_);
  void say_why_wal_ends(wal::Outcome outcome) REQUIRES(loop_);
  std::optional<std::string> obstacle(wal::Outcome outcome) const REQUIRES(loop_);
  std::optional<std::string> gap(wal::Outcome outcome) const REQUIRES(loop_);
  void promise_bytes(wal::Outcome outcome) REQUIRES(loop_);

  const std::string directory_;
  const runtime::Clock& clock_;
  const Options options_;
  wal::Identity identity_;  // what open() found; any thread may ask, as for the next
  DataDirectory data_directory_ GUARDED_BY(loop_);
  // A server may overwrite the files while loops send from them. Once so, always so.
  bool is_live_ GUARDED_BY(loop_) = false;
  std::optional<wal::Inventory> inventory_ GUARDED_BY(loop_);

  wal::WalTail* tail_ GUARDED_BY(loop_) = nullptr;
  wal::FaultLog* faults_ GUARDED_BY(loop_) = nullptr;
  Source::Listener* listener_ = nullptr;     // since start(), for the scanner's thread too
  wal::FileStamps* walked_files_ = nullptr;  // null if nothing is to be noted
  std::optional<wal::DirectoryPages> pages_ GUARDED_BY(loop_);
  std::optional<wal::Reader> reader_ GUARDED_BY(loop_);

  runtime::Loop loop_;
  Watcher watcher_;
  Scanner scanner_;
  runtime::Timer look_timer_ GUARDED_BY(loop_);
  runtime::Timer fault_timer_ GUARDED_BY(loop_);
  std::optional<wal::Fault> suspect_ GUARDED_BY(loop_);
  std::set<wal::SegmentNo> changed_ GUARDED_BY(loop_);  // by the events of this batch
  bool timelines_changed_ GUARDED_BY(loop_) = false;
  bool events_lost_ GUARDED_BY(loop_) = false;
  // When files last came or went, at a look that had the directory scanned.
  std::filesystem::file_time_type names_changed_ GUARDED_BY(loop_){};
  bool grown_ GUARDED_BY(loop_) = false;
  // Behind this the tip's WAL is void, since `forked_` has left it there (wal::Branch).
  wal::Lsn end_max_ GUARDED_BY(loop_) = wal::Lsn::max();
  wal::TimelineId forked_ GUARDED_BY(loop_){};
  wal::SegmentNo newest_ GUARDED_BY(loop_){};              // that the tip has, at the last survey
  std::set<wal::TimelineId> refused_ GUARDED_BY(loop_);    // with WAL, at the last survey
  std::optional<std::string> unlisted_ GUARDED_BY(loop_);  // why there was no survey
  wal::Lsn promised_ GUARDED_BY(loop_);
  Doubts doubts_ GUARDED_BY(loop_);
  Standstill standstill_ GUARDED_BY(loop_);
  std::unique_ptr<runtime::NamedThread> thread_;
};

}  // namespace server::source
