#pragma once

#include <csignal>
#include <initializer_list>

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

}  // namespace runtime
