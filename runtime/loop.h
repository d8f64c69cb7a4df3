#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/doorbell.h"
#include "runtime/fd.h"
#include "runtime/intrusive_list.h"
#include "runtime/mailbox.h"
#include "runtime/timer.h"

namespace runtime {

// An epoll loop: sockets, timers, a mailbox, and the work of its owner, one turn after another.
//   Owner: the object that runs its thread.  Thread: the one that calls run(); stop(), mailbox()
//   and doorbell() are for any.
//   Borrows: the clock.
//   Limits: events_per_turn and tasks_per_turn bound what one turn takes in. When it has taken
//   turn_time, tasks and what is unfinished wait for the next one, and a handler that asks
//   turn_is_long() puts off what can wait; the turns after one whose events took so long take in
//   fewer of them. So the owner's work comes about once in turn_time, whatever crowd is there.
// A loop is a capability for clang's analysis. What its thread owns is GUARDED_BY(loop_); private
// functions that touch it REQUIRE the loop, all others assert it first. An assertion is also a
// check at run time in debug builds, and nothing in others.
class CAPABILITY("loop") Loop {
 public:
  struct Options {
    std::size_t events_per_turn = 256;
    std::size_t tasks_per_turn = 64;
    Duration turn_time = std::chrono::microseconds(500);
  };

  // What epoll reports to. A handler must stay alive until the end of the turn in which it was
  // unwatched; retire() sees to that.
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void on_ready(std::uint32_t events) = 0;
  };

  // What has more to do than it may in one turn.
  class Unfinished {
   public:
    Unfinished() : link_(*this) {}
    virtual ~Unfinished() = default;
    virtual void go_on() = 0;
    void finish() { link_.unlink(); }
    bool unfinished() const { return link_.linked(); }

   private:
    friend class Loop;
    ListLink<Unfinished> link_;
  };

  // What is done once in every turn, after events, tasks and timers. Returns whether there is more
  // to do at once, in which case the loop does not sleep.
  class TurnWork {
   public:
    virtual ~TurnWork() = default;
    virtual bool on_turn() = 0;
  };

  // An object that is to die at the end of the turn.
  class Retired {
   public:
    virtual ~Retired() = default;
  };

  Loop(const Clock& clock, Options options);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs turns until stop(). The calling thread is the loop's thread meanwhile; before and after,
  // the loop belongs to the thread that builds it or takes it down.
  void run();
  // Any thread. The turn that is running ends first.
  void stop();
  // One turn that does not sleep, for tests that drive a loop by hand.
  void turn_for_test();

  Mailbox& mailbox() { return mailbox_; }
  Doorbell& doorbell() { return doorbell_; }

  // The rest is for the loop's thread.
  void assert_in_thread() const ASSERT_CAPABILITY(this) {
    DCHECK(thread_ == std::thread::id() || std::this_thread::get_id() == thread_);
  }
  void set_turn_work(TurnWork* work) {
    assert_in_thread();
    turn_work_ = work;
  }
  // Calls it in the next turn, after the events, unless it finishes before. Of several the first
  // is called in any case, and those for which the turn has no time keep their order.
  void go_on_next_turn(Unfinished& work) {
    assert_in_thread();
    unfinished_.push_back(work.link_);
  }
  // Level-triggered. REQUIRES: the descriptor is not watched yet.
  void watch(int fd, std::uint32_t events, Handler& handler);
  // REQUIRES: the descriptor is watched, with this handler.
  void rewatch(int fd, std::uint32_t events, Handler& handler);
  void unwatch(int fd);
  void retire(std::unique_ptr<Retired> object) {
    assert_in_thread();
    retired_.push_back(std::move(object));
  }
  Timers& timers() { return timers_; }
  // The time at which this turn began.
  Instant now() const {
    assert_in_thread();
    return now_;
  }
  WallMicros wall_now() const { return clock_.wall_now(); }
  // Whether this turn has taken its time.
  bool turn_is_long() const {
    assert_in_thread();
    return clock_.now() - now_ >= options_.turn_time;
  }

 private:
  void turn(bool may_sleep) REQUIRES(this);
  void handle_events(std::size_t count) REQUIRES(this);
  bool drain_mailbox() REQUIRES(this);
  void go_on_with(IntrusiveList<Unfinished>& earlier) REQUIRES(this);
  int sleep_ms() const REQUIRES(this);

  const Clock& clock_;
  const Options options_;
  UniqueFd epoll_fd_;
  Doorbell doorbell_;
  Mailbox mailbox_;
  std::thread::id thread_;  // none: it does not run
  Timers timers_ GUARDED_BY(this);
  std::vector<epoll_event> events_ GUARDED_BY(this);
  std::size_t events_at_once_ GUARDED_BY(this);  // what a turn takes of them
  std::vector<std::unique_ptr<Retired>> retired_ GUARDED_BY(this);
  IntrusiveList<Unfinished> unfinished_ GUARDED_BY(this);
  TurnWork* turn_work_ GUARDED_BY(this) = nullptr;
  Instant now_ GUARDED_BY(this);
  bool more_work_ GUARDED_BY(this) = false;
  bool stopping_ GUARDED_BY(this) = false;
};

}  // namespace runtime
