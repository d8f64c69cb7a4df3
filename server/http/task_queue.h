#pragma once

#include <httplib.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "runtime/thread.h"

namespace server::http {

// The threads that answer, "http-0" and so on. A connection has one for as long as it lasts.
//   Owner: httplib::Server.  Thread: the one that accepts enqueues and shuts down.
//   Limits: Options; when so many connections wait, no further ones are accepted, and wait in the
//   kernel's backlog.
class TaskQueue final : public httplib::TaskQueue {
 public:
  struct Options {
    std::size_t threads = 24;
    std::size_t waiting_max = 64;
  };

  explicit TaskQueue(Options options);
  ~TaskQueue() override { shutdown(); }

  void enqueue(std::function<void()> task) override EXCLUDES(mutex_);
  // What is queued is done first.
  void shutdown() override EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  // Empty when there is nothing left to do.
  std::function<void()> next() EXCLUDES(mutex_);

  const Options options_;
  runtime::Mutex mutex_;
  runtime::Condition changed_;
  std::deque<std::function<void()>> tasks_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<runtime::NamedThread>> threads_;
};

}  // namespace server::http
