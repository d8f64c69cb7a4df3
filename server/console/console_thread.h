#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "runtime/thread.h"
#include "server/console/engine.h"

namespace server::console {

// The thread on which statements run, one after another, in the order in which they come. A loop
// hands a job over and goes on; the job answers by a task that it posts to the loop's mailbox.
//   Owner: Server.  Thread: any posts; the console's runs the jobs and has the engine.
//   Invariant: what a job holds is destroyed on the console thread, run or not.
//   Sessions end before it does.
//   Limits: jobs_max jobs wait; those of post_release() are not counted, as they are no more than
//   the sessions that there are.
class ConsoleThread {
 public:
  using Job = std::function<void(Engine&)>;
  struct Options {
    Engine::Options engine;
    std::size_t jobs_max = 1024;
  };

  explicit ConsoleThread(Options options);
  // Jobs that wait are destroyed unrun. One that runs is waited for: a statement's limit of time
  // bounds that.
  ~ConsoleThread();
  ConsoleThread(const ConsoleThread&) = delete;
  ConsoleThread& operator=(const ConsoleThread&) = delete;

  // Returns false if jobs_max wait already, or the thread is to stop; the job is untouched then.
  // To be answered with 53300 "sorry, too many statements are waiting already".
  bool post(Job& job) EXCLUDES(mutex_);
  // For what must end on the console thread: statements and portals of a session that is over.
  void post_release(std::shared_ptr<void> held) EXCLUDES(mutex_);
  // No job that waits runs any more, from now on.
  void stop() EXCLUDES(mutex_);

 private:
  struct Waiting {
    Job run;                     // or
    std::shared_ptr<void> held;  // to be let go
    bool runs = true;            // false: the thread is to stop
  };

  void run();
  // Returns false when the thread is to end.
  bool next(Waiting& waiting) EXCLUDES(mutex_);

  const Options options_;
  runtime::Mutex mutex_;
  runtime::Condition changed_;
  std::deque<Waiting> waiting_ GUARDED_BY(mutex_);
  std::size_t jobs_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  runtime::NamedThread thread_;  // last: it uses the rest
};

}  // namespace server::console
