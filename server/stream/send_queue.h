#pragma once

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/intrusive_list.h"
#include "runtime/loop.h"
#include "server/stream/wal_view.h"

namespace server::stream {

// Which senders of a loop have something to do, and in which order. New WAL goes to the caught-up
// senders first, to all of them; then senders that catch up share turn_budget, a quantum each. A
// turn in which none catches up reads no clock.
//   Owner: the worker.  Thread: its loop's.
//   Borrows: the loop, the clock and the view, which outlive it; senders leave it when they die.
//   Limits: turn_budget for those that catch up.
class SendQueue final : public runtime::Loop::TurnWork {
 public:
  struct Options {
    runtime::Duration turn_budget = std::chrono::milliseconds(2);
  };

  // A sender as the queue knows it.
  class Pumped {
   public:
    enum class PumpResult { kCaughtUp, kMore, kBlocked, kWaiting, kEnded };

    Pumped() : link_(*this) {}
    virtual ~Pumped() = default;
    // Sends what it can, but a quantum at most.
    virtual PumpResult pump() = 0;
    // Whether it is near the end of WAL, and so goes first.
    virtual bool is_live() const = 0;

   protected:
    void leave_queue() { link_.unlink(); }

   private:
    friend class SendQueue;
    runtime::ListLink<Pumped> link_;
  };

  SendQueue(runtime::Loop& loop, const runtime::Clock& clock, WalView& view, Options options)
      : loop_(loop), clock_(clock), view_(view), options_(options) {}

  // The sender is pumped in this turn, or in the next one if this turn's senders have been pumped.
  void make_runnable(Pumped& sender);

  bool on_turn() override;

 private:
  void pump_live() REQUIRES(loop_);
  void pump_catching_up() REQUIRES(loop_);
  void pump(Pumped& sender) REQUIRES(loop_);

  runtime::Loop& loop_;
  const runtime::Clock& clock_;
  WalView& view_;
  const Options options_;
  runtime::IntrusiveList<Pumped> caught_up_ GUARDED_BY(loop_);
  runtime::IntrusiveList<Pumped> live_ GUARDED_BY(loop_);
  runtime::IntrusiveList<Pumped> catching_up_ GUARDED_BY(loop_);
};

}  // namespace server::stream
