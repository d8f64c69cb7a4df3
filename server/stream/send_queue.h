#pragma once

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/intrusive_list.h"
#include "runtime/loop.h"
#include "runtime/timer.h"
#include "server/stream/wal_view.h"

namespace server::stream {

// Which senders of a loop have something to do, and in which order. New WAL goes to the caught-up
// senders first, to all of them; then senders that catch up share turn_budget, a quantum each. The
// clock is read in a turn that has taken spans or has a sender that catches up, and when a live
// sender has sent what is new.
//
// For patient senders new WAL is gathered (send_delay): they are let go once in gather_time at
// most, all of them together.
//
//     WAL comes          a     b   c              d
//     they are let go    a             b and c    d
//                        └ gather_time ┘
//
// So nothing waits longer than that, and what comes after a pause does not wait at all, as
// commit_siblings spares a commit that is alone the wait of commit_delay (xlog.c, XLogFlush). Nor
// does what there is when a timeline ends.
//   Owner: the worker.  Thread: its loop's.
//   Borrows: the loop, the clock and the view, which outlive it; senders leave it when they die.
//   Limits: turn_budget for those that catch up; gather_time, and a turn of the loop, for those
//   that are patient.
class SendQueue final : public runtime::Loop::TurnWork, private runtime::Timer::Handler {
 public:
  struct Options {
    runtime::Duration turn_budget = std::chrono::milliseconds(2);
    runtime::Duration gather_time{};  // 0: new WAL goes out at once, to patient senders too
  };

  // A sender as the queue knows it.
  class Pumped {
   public:
    enum class PumpResult { kCaughtUp, kMore, kBlocked, kWaiting, kPaused, kEnded };

    Pumped() : link_(*this) {}
    virtual ~Pumped() = default;
    // Sends what it can, but a quantum at most.
    virtual PumpResult pump() = 0;
    // Whether it is near the end of WAL, and so goes first.
    virtual bool is_live() const = 0;

   protected:
    void leave_queue() { link_.unlink(); }
    // From the next time on that it has sent all WAL.
    void set_patient(bool patient) { patient_ = patient; }

   private:
    friend class SendQueue;
    runtime::ListLink<Pumped> link_;
    bool patient_ = false;
  };

  SendQueue(runtime::Loop& loop, const runtime::Clock& clock, WalView& view, Options options)
      : loop_(loop),
        clock_(clock),
        view_(view),
        turn_budget_(options.turn_budget),
        gather_time_(options.gather_time),
        gather_timer_(loop.timers(), *this) {}

  // The sender is pumped in this turn, or in the next one if this turn's senders have been pumped.
  void make_runnable(Pumped& sender);

  // From the next WAL on.
  void set_gather_time(runtime::Duration gather_time) {
    loop_.assert_in_thread();
    gather_time_ = gather_time;
  }

  bool on_turn() override;
  // The time of this moment, and not that of the turn's begin.
  runtime::Instant time() const { return clock_.now(); }

 private:
  void on_timer(runtime::Timer& timer) override;
  void gather(runtime::Instant now) REQUIRES(loop_);
  void let_go(runtime::Instant now) REQUIRES(loop_);
  void pump_live() REQUIRES(loop_);
  void pump_catching_up() REQUIRES(loop_);
  void pump(Pumped& sender) REQUIRES(loop_);

  runtime::Loop& loop_;
  const runtime::Clock& clock_;
  WalView& view_;
  const runtime::Duration turn_budget_;
  runtime::Duration gather_time_ GUARDED_BY(loop_);
  runtime::Timer gather_timer_ GUARDED_BY(loop_);
  runtime::Instant let_go_at_ GUARDED_BY(loop_){};               // the patient ones, last
  const wal::Timelines* timelines_ GUARDED_BY(loop_) = nullptr;  // that WAL was let go on last

  runtime::IntrusiveList<Pumped> caught_up_ GUARDED_BY(loop_);
  runtime::IntrusiveList<Pumped> gathering_ GUARDED_BY(loop_);  // caught up, and patient
  runtime::IntrusiveList<Pumped> live_ GUARDED_BY(loop_);
  runtime::IntrusiveList<Pumped> catching_up_ GUARDED_BY(loop_);
};

}  // namespace server::stream
