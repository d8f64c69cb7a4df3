#pragma once

#include <chrono>
#include <memory>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/thread.h"
#include "runtime/timer.h"
#include "server/source/source.h"

namespace server::admin {

// The way from a shutdown request to the end of main's loop: first no new clients, then no new WAL;
// then each session ends when its standby has confirmed all WAL. The loop runs on meanwhile, so
// that it sees another signal: a source ends on a thread of its own, for its disk may hang.
//   Owner: Server.  Thread: main's.
//   Borrows: main's loop and the handler.
//   Limits: a source has shutdown_timeout, and kLastGrace from another request on.
class Shutdown final : private runtime::Timer::Handler {
 public:
  // What the server does about its clients. Called on main's thread, each step once but the last.
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void stop_accepting() = 0;
    // Calls on_sessions_ended() later.
    virtual void shut_down_sessions() = 0;
    virtual void cut_sessions() = 0;
  };

  Shutdown(runtime::Loop& loop, Handler& handler)
      : loop_(loop), handler_(handler), timer_(loop.timers(), *this) {}

  bool has_begun() const { return phase_ != Phase::kNone; }
  // Ends the loop in the end. REQUIRES: !has_begun().
  void begin(source::Source& source, runtime::Duration timeout) REQUIRES(loop_);
  void on_sessions_ended() REQUIRES(loop_);
  // Waits no longer for standbys, and hardly for the source. REQUIRES: has_begun().
  void hurry() REQUIRES(loop_);
  // Once the loop has ended. Ends the process, with status 1, if the source has not: nothing ends a
  // call that hangs in the kernel, and what the source has written is as safe as at a crash.
  void finish() REQUIRES(loop_);

 private:
  enum class Phase { kNone, kSource, kSessions };

  // The time that a source still has after another request.
  static constexpr runtime::Duration kLastGrace = std::chrono::seconds(1);

  void on_timer(runtime::Timer& timer) override;
  void on_source_ended() REQUIRES(loop_);
  void shut_down_sessions() REQUIRES(loop_);
  void end_loop_if_done() REQUIRES(loop_);

  runtime::Loop& loop_;
  Handler& handler_;
  runtime::Timer timer_ GUARDED_BY(loop_);
  Phase phase_ = Phase::kNone;
  bool source_ended_ GUARDED_BY(loop_) = false;
  bool source_given_up_ GUARDED_BY(loop_) = false;
  bool sessions_ended_ GUARDED_BY(loop_) = false;
  std::unique_ptr<runtime::NamedThread> source_stopper_ GUARDED_BY(loop_);
};

}  // namespace server::admin
