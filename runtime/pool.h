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

// What a job's time goes into. Jobs of one kind never wait for those of another: each kind has
// threads of its own.
enum class JobKind {
  kRead,     // opening and reading files, as long as the disk takes
  kCompute,  // checks of a few milliseconds, and the reading for them
  kLong,     // the same of some seconds
  kWrite,    // making files durable
};

// Threads for what must not be done on a loop; results return through the loop's mailbox.
//   Owner: the server.  Thread: any submits.
//   Limits: `threads` jobs that read and as many that compute run at a time, and one of each other
//   kind; the queues are bounded by the submitters, each of which keeps one job per segment slice,
//   or per session, in flight.
// A oneTBB arena for each kind does the scheduling.
class Pool {
 public:
  explicit Pool(int threads);
  // How many threads that makes in all.
  static constexpr int threads_in_all(int threads) { return 2 * threads + 2; }
  // Waits for the jobs that run. Their done() may then no longer be called.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // `home` outlives the pool.
  void submit(std::unique_ptr<Job> job, Mailbox& home, JobKind kind = JobKind::kRead);

 private:
  struct Arenas;
  std::unique_ptr<Arenas> arenas_;
};

}  // namespace runtime
