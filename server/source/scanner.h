#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/result.h"
#include "runtime/thread.h"
#include "server/source/paced_work.h"
#include "server/wal/inventory.h"
#include "server/wal/timelines.h"

namespace server::source {

// Looks through a whole directory on a thread of its own, since that takes a second where it has
// some hundred thousand files.
//   Owner: DirectorySource.  Thread: the owner's; the looking is done by a thread named "scan".
//   Borrows: the listener and its loop, which outlive stop().
//   Limits: of each kind of look one that runs and one that is asked for; paced_work.h says how
//   much of its time the thread looks.
class Scanner {
 public:
  // The timelines of a directory.
  using Found = runtime::Result<wal::TimelineSurvey>;
  // The WAL that is served, up to the segment that it ends in.
  struct KnownWal {
    const wal::Timelines* timelines = nullptr;  // the tail's
    wal::SegmentNo last{};
  };
  class Listener {
   public:
    virtual ~Listener() = default;
    // On the listener's loop, when a look begins: the newest timeline that is served.
    virtual wal::TimelineId served_timeline() const = 0;
    // On the listener's loop, for each look.
    virtual void on_scanned(Found found) = 0;

    // On the listener's loop, when a look for lost changes begins.
    virtual KnownWal known_wal() const = 0;
    // On the scanner's thread, for each such look. Blocks.
    virtual void look_for_lost_changes(const KnownWal& known) = 0;
  };

  Scanner(std::string directory, const runtime::Clock& clock, runtime::Loop& home,
          Listener& listener)
      : loop_(clock, {}),
        survey_(std::move(directory), listener),
        lost_changes_(listener),
        surveys_(home, loop_, clock, survey_),
        looks_for_lost_changes_(home, loop_, clock, lost_changes_) {}
  ~Scanner() { stop(); }

  void start(const wal::Identity& identity);
  // REQUIRES: the listener's loop does not run.
  void stop();

  // The three are for the owner's loop. Asks for a look at the timelines that begins from here on.
  void scan();
  // Asks for one only if it is time for one, and says whether it did.
  bool scan_at_leisure();
  // Asks for a look for changes of files that have gone unseen.
  void look_for_lost_changes();

  void log_memory_contexts();

 private:
  class Survey final : public PacedWork::Job {
   public:
    Survey(std::string directory, Listener& listener)
        : directory_(std::move(directory)), listener_(listener) {}
    void set_identity(const wal::Identity& identity) { identity_ = identity; }
    void begin() override { served_ = listener_.served_timeline(); }
    void run() override;
    void end() override;

   private:
    const std::string directory_;
    Listener& listener_;
    wal::Identity identity_;
    wal::TimelineId served_{};
    std::optional<Found> found_;
  };
  class LostChanges final : public PacedWork::Job {
   public:
    explicit LostChanges(Listener& listener) : listener_(listener) {}
    void begin() override { known_ = listener_.known_wal(); }
    void run() override { listener_.look_for_lost_changes(known_); }
    void end() override {}

   private:
    Listener& listener_;
    KnownWal known_;
  };

  runtime::Loop loop_;
  Survey survey_;
  LostChanges lost_changes_;
  PacedWork surveys_;
  PacedWork looks_for_lost_changes_;
  std::unique_ptr<runtime::NamedThread> thread_;
};

}  // namespace server::source
