#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "runtime/thread.h"
#include "server/stats/loop_status.h"
#include "server/stats/rates.h"
#include "server/stats/server_facts.h"
#include "server/stats/snapshot.h"

namespace server::stats {

// How new the parts of a snapshot are to be.
enum class Freshness {
  kUsual,   // what is costly may be as old as Snapshot says
  kAllNew,  // everything is asked for
};

// The one place that asks loops for figures. A window asks for a snapshot that is no older than it
// likes; the thread "stats" has every loop answer through its mailbox, adds what is known without
// loops, and publishes. While no window asks, nothing is done.
//   Owner: Server.  Thread: any, but for add(), start() and stop(), which are main's.
//   Borrows: the loops and the facts, which outlive stop(). The clock is the steady one.
//   Invariant: a published snapshot never changes.
//   Limits: kSnapshotsPerSecondMax; a loop that does not answer within kAnswerTimeMax is left out
//   of that snapshot.
class Collector final {
 public:
  static constexpr int kSnapshotsPerSecondMax = 10;
  static constexpr runtime::Duration kIntervalMin =
      runtime::Duration(std::chrono::seconds(1)) / kSnapshotsPerSecondMax;
  static constexpr runtime::Duration kAnswerTimeMax = std::chrono::seconds(2);
  static constexpr runtime::Duration kStagesAgeMax = std::chrono::seconds(1);
  static constexpr runtime::Duration kThreadsAgeMax = std::chrono::seconds(1);
  static constexpr runtime::Duration kMemoryAgeMax = std::chrono::seconds(5);

  // A loop with sessions, as the collector sees it.
  class Answerer {
   public:
    virtual ~Answerer() = default;
    // Calls `take` once, on the loop's thread; a loop that has ended never does.
    virtual void post_status(LoopQuestion question, std::function<void(LoopStatus)> take) = 0;
    // The next two on any thread.
    virtual std::uint64_t bytes_sent() const = 0;  // of WAL, to all standbys so far
    virtual std::int64_t load() const = 0;         // its sessions
  };
  // Gets the next snapshot, on the thread "stats", which it is not to keep: it posts to a mailbox.
  using Taker = std::function<void(const SnapshotRef& snapshot)>;

  Collector(const runtime::Clock& clock, ServerFacts& facts) : clock_(clock), facts_(facts) {}
  ~Collector() { stop(); }
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // Before start().
  void add(Answerer& answerer) { answerers_.push_back(&answerer); }
  void start();
  // Loops are asked no more, and what waits gets nothing. A second time it does nothing.
  void stop() EXCLUDES(mutex_);

  // The newest snapshot, of whatever age; null before the first. Does not block.
  SnapshotRef latest() const EXCLUDES(mutex_);
  // A snapshot that was begun no earlier than `max_age` ago, waited for until the deadline. Null:
  // there is none in time, or the server stops. For threads that may block.
  SnapshotRef wait_for(runtime::Duration max_age, runtime::Instant deadline) EXCLUDES(mutex_);
  // The same, of one that is begun behind the call.
  SnapshotRef wait_for(Freshness freshness, runtime::Instant deadline) EXCLUDES(mutex_);
  // For threads that may not block. `take` is called for one that is begun behind the call, unless
  // the server stops.
  void request(Freshness freshness, Taker take) EXCLUDES(mutex_);

  // Of WAL, to all standbys so far. Any thread; also behind stop(), while the loops are there.
  std::uint64_t bytes_sent() const;

 private:
  struct Gathering;

  void run();
  bool await_question() EXCLUDES(mutex_);
  SnapshotRef collect(bool all_new) EXCLUDES(mutex_);
  std::shared_ptr<Gathering> ask_loops(LoopQuestion question);
  std::vector<LoopStatus> take_answers(Gathering& gathering) EXCLUDES(mutex_);
  void add_loops(std::vector<LoopStatus> loops, LoopQuestion question, Snapshot& snapshot);
  void add_threads(bool all_new, Snapshot& snapshot);
  void add_rates(Snapshot& snapshot);

  const runtime::Clock& clock_;
  ServerFacts& facts_;
  std::vector<Answerer*> answerers_;  // the same from start() on

  mutable runtime::Mutex mutex_;
  runtime::Condition asked_;      // for the thread
  runtime::Condition published_;  // for those that wait
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool wanted_ GUARDED_BY(mutex_) = false;
  bool all_new_wanted_ GUARDED_BY(mutex_) = false;
  SnapshotRef latest_ GUARDED_BY(mutex_);
  std::vector<Taker> takers_ GUARDED_BY(mutex_);

  // The rest is the thread's.
  SnapshotRef last_;
  runtime::Instant stages_taken_{};
  runtime::Instant memory_taken_{};
  runtime::Instant threads_taken_{};
  Rates rates_;
  std::unique_ptr<runtime::NamedThread> thread_;
};

}  // namespace server::stats
