#include "server/stream/send_queue.h"

#include "server/stream/sender.h"

namespace server::stream {

void SendQueue::make_runnable(Sender& sender) {
  loop_.assert_in_thread();
  auto& list = sender.is_live() ? live_ : catching_up_;
  list.push_back(sender.queue_link());
}

bool SendQueue::on_turn() {
  loop_.assert_in_thread();
  if (view_.take_spans()) live_.take_all(caught_up_);
  pump_live();
  if (!catching_up_.empty()) pump_catching_up();
  return !live_.empty() || !catching_up_.empty();
}

// A sender that becomes live while this goes on has its turn in the next round.
void SendQueue::pump_live() {
  runtime::IntrusiveList<Sender> round;
  round.take_all(live_);
  while (Sender* sender = round.pop_front()) pump(*sender);
}

// At least one of them gets its quantum, however long the live ones took.
void SendQueue::pump_catching_up() {
  const runtime::Instant deadline = clock_.now() + options_.turn_budget;
  while (Sender* sender = catching_up_.pop_front()) {
    pump(*sender);
    if (clock_.now() >= deadline) return;
  }
}

void SendQueue::pump(Sender& sender) {
  switch (sender.pump()) {
    case Sender::PumpResult::kCaughtUp:
      caught_up_.push_back(sender.queue_link());
      break;
    case Sender::PumpResult::kMore:
      make_runnable(sender);
      break;
    case Sender::PumpResult::kBlocked:  // EPOLLOUT comes
    case Sender::PumpResult::kWaiting:  // the view tells
    case Sender::PumpResult::kEnded:
      break;
  }
}

}  // namespace server::stream
