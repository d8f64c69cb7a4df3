#pragma once

#include <functional>
#include <string>
#include <thread>

#include "memctx/context.h"

namespace runtime {

// Starts a thread with a name, of which the kernel keeps 15 bytes. It takes no signal that asks for
// something: those are main's (signals.h).
std::thread start_thread(const std::string& name, std::function<void()> body);

// A thread with a name and a top memory context of its own, which lives as long as the thread runs.
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
