#pragma once

#include <csignal>
#include <initializer_list>
#include <utility>
#include <vector>

#include "runtime/fd.h"
#include "runtime/loop.h"

namespace runtime {

// Signals as events of one loop. They are blocked in the thread that makes this, and so in every
// thread it starts later; SIGPIPE is ignored everywhere, since sends report a lost peer themselves.
//   Owner: main.  Thread: the main loop's.
class Signals final : private Loop::Handler {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void on_signal(int signal) = 0;
  };

  // Before any other thread starts.
  Signals(Loop& loop, std::initializer_list<int> signals, Handler& handler);
  ~Signals() override;

 private:
  void on_ready(std::uint32_t events) override;

  Loop& loop_;
  Handler& handler_;
  UniqueFd fd_;
};

// While it lives, these signals end the process on the spot, whatever its threads are at: SIGQUIT
// with status 2, as a PostgreSQL backend, and others with 0, as if there had been nothing to stop.
// Threads that start meanwhile take them too.
//   Owner: main.  Thread: main's.
class EndOnSignals {
 public:
  explicit EndOnSignals(std::initializer_list<int> signals);
  // They are what they were before.
  ~EndOnSignals();
  EndOnSignals(const EndOnSignals&) = delete;
  EndOnSignals& operator=(const EndOnSignals&) = delete;

 private:
  sigset_t blocked_before_;  // of these signals
  std::vector<std::pair<int, struct sigaction>> actions_before_;
};

}  // namespace runtime
