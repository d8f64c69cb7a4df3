#pragma once

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/intrusive_list.h"
#include "runtime/loop.h"
#include "server/stream/wal_view.h"

namespace server::stream {

class Sender;

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

  SendQueue(runtime::Loop& loop, const runtime::Clock& clock, WalView& view, Options options)
      : loop_(loop), clock_(clock), view_(view), options_(options) {}

  // The sender is pumped in this turn, or in the next one if this turn's senders have been pumped.
  void make_runnable(Sender& sender);

  bool on_turn() override;

 private:
  void pump_live() REQUIRES(loop_);
  void pump_catching_up() REQUIRES(loop_);
  void pump(Sender& sender) REQUIRES(loop_);

  runtime::Loop& loop_;
  const runtime::Clock& clock_;
  WalView& view_;
  const Options options_;
  runtime::IntrusiveList<Sender> caught_up_ GUARDED_BY(loop_);
  runtime::IntrusiveList<Sender> live_ GUARDED_BY(loop_);
  runtime::IntrusiveList<Sender> catching_up_ GUARDED_BY(loop_);
};

}  // namespace server::stream
