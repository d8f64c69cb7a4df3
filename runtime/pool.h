#pragma once

#include <memory>

#include "runtime/mailbox.h"

namespace runtime {

// A piece of work that may block: opening files, reading cold pages, checking records.
class Job {
 public:
  virtual ~Job() = default;
  // A pool thread.
  virtual void work() = 0;
  // The thread of the mailbox that submit() was given, after work().
  virtual void done() = 0;
};

// Threads for what must not be done on a loop; results return through the loop's mailbox.
//   Owner: the server.  Thread: any submits.
//   Limits: `threads` jobs run at a time; the queue is bounded by the submitters, each of which
//   keeps one job per segment slice in flight.
// oneTBB's arena does the scheduling.
class Pool {
 public:
  explicit Pool(int threads);
  // Waits for the jobs that run. Their done() may then no longer be called.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // `home` outlives the pool.
  void submit(std::unique_ptr<Job> job, Mailbox& home);

 private:
  struct Arena;
  std::unique_ptr<Arena> arena_;
};

}  // namespace runtime
