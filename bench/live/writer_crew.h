#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "bench/live/commit_log.h"
#include "bench/live/writer.h"
#include "bench/walbench/arrivals.h"
#include "runtime/result.h"
#include "runtime/thread.h"
#include "server/wal/lsn.h"

namespace bench::live {

// The sessions that commit, in turns.
//   Owner: LiveRun.  Thread: the owner's; the writers have threads of their own.
//   Borrows: the listener.
class WriterCrew {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // All writers have ended. Called once, in the thread of the last one.
    virtual void on_written() = 0;
  };

  struct Answers {
    walbench::DelaySeries delays;
    std::map<std::int64_t, std::uint64_t> by_window;  // in which they were answered
    WallNanos last = 0;
  };

  WriterCrew(WriterPlan plan, Listener& listener);

  runtime::Result<void> connect();
  // REQUIRES: connect(), and this is the first call.
  void start(const Schedule& schedule, std::optional<WallNanos> end);
  void stop();
  // As stop(), and waits for no answer of the server's.
  void abort();
  // Waits for all threads.
  void join() { threads_.clear(); }

  const WriterPlan& plan() const { return plan_; }
  const CommitLog& log() const { return log_; }
  std::vector<pid_t> backend_pids() const;
  // The commits that were measured so far, and where the WAL of the last one ends.
  std::uint64_t written() const;
  server::wal::Lsn position() const;

  // After join().
  Answers answers() const;
  std::optional<runtime::Error> failure() const;

 private:
  WriterPlan plan_;
  Listener& listener_;
  CommitLog log_;
  std::deque<Writer> writers_;
  runtime::Gauge running_;
  std::deque<runtime::NamedThread> threads_;
};

}  // namespace bench::live
