#pragma once

#include <functional>
#include <string>
#include <thread>

#include "memctx/context.h"

namespace runtime {

// A thread with a name (15 bytes, as the kernel keeps it) and a top memory context of its own,
// which lives as long as the thread runs.
//   Owner: the object that starts it; joined when destroyed.  Thread: the owner's.
class NamedThread {
 public:
  // `top` is the new thread's, and its current context.
  using Body = std::function<void(memctx::Context& top)>;

  NamedThread(const std::string& name, Body body);
  ~NamedThread() { join(); }
  NamedThread(const NamedThread&) = delete;
  NamedThread& operator=(const NamedThread&) = delete;

  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_;
};

}  // namespace runtime
