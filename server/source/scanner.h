#pragma once

#include <memory>
#include <string>

#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/result.h"
#include "runtime/thread.h"
#include "server/wal/inventory.h"
#include "server/wal/timelines.h"

namespace server::source {

// Looks through a whole directory on a thread of its own, since that takes a second where it has
// some hundred thousand files.
//   Owner: DirectorySource.  Thread: the owner's; the looking is done by a thread named "scan".
//   Borrows: the listener and its loop, which outlive stop().
//   Limits: one look at a time. Where a look takes long, the next one that is not urgent waits so
//   much longer that looking takes no more than a twentieth of a core.
class Scanner {
 public:
  // The timelines of a directory.
  using Found = runtime::Result<wal::TimelineSurvey>;
  class Listener {
   public:
    virtual ~Listener() = default;
    // On the listener's loop, when a look is asked for: the newest timeline that is served.
    virtual wal::TimelineId served_timeline() const = 0;
    // On the listener's loop, for each look; it began after the scan() that asked for it.
    virtual void on_scanned(Found found) = 0;
  };

  Scanner(std::string directory, const runtime::Clock& clock, runtime::Loop& home,
          Listener& listener)
      : directory_(std::move(directory)),
        clock_(clock),
        home_(home),
        listener_(listener),
        loop_(clock, {}) {}
  ~Scanner() { stop(); }

  void start(const wal::Identity& identity);
  // REQUIRES: the listener's loop does not run.
  void stop();

  // The two are for the owner's loop. Asks for a look that begins from here on.
  void scan() REQUIRES(home_);
  // Asks for one only if it is time for one, and says whether it did.
  bool scan_at_leisure() REQUIRES(home_);
  // Does something else that takes long, on the same thread.
  void post(runtime::Task task) { loop_.mailbox().post(std::move(task)); }

 private:
  static constexpr int kShareOfTime = 20;

  void look(wal::TimelineId served);
  void done(Found found, runtime::Duration took);

  const std::string directory_;
  wal::Identity identity_;  // what start() was given
  const runtime::Clock& clock_;
  runtime::Loop& home_;
  Listener& listener_;
  bool runs_ GUARDED_BY(home_) = false;         // a look
  bool asked_again_ GUARDED_BY(home_) = false;  // since it began
  runtime::Instant not_before_ GUARDED_BY(home_){};

  runtime::Loop loop_;
  std::unique_ptr<runtime::NamedThread> thread_;
};

}  // namespace server::source
