#include "server/stream/send_queue.h"

namespace server::stream {

void SendQueue::make_runnable(Pumped& sender) {
  loop_.assert_in_thread();
  auto& list = sender.is_live() ? live_ : catching_up_;
  list.push_back(sender.link_);
}

bool SendQueue::on_turn() {
  loop_.assert_in_thread();
  if (view_.take_spans()) {
    const runtime::Instant now = clock_.now();
    view_.stages().taken(now);
    live_.take_all(caught_up_);
    if (!gathering_.empty()) gather(now);
  }
  pump_live();
  if (!catching_up_.empty()) pump_catching_up();
  return !live_.empty() || !catching_up_.empty();
}

// WAL behind which a timeline ends waits for nothing, since none may follow it.
void SendQueue::gather(runtime::Instant now) {
  const runtime::Instant due = let_go_at_ + gather_time_;
  if (now >= due || timelines_ != &view_.timelines()) return let_go(now);
  if (!gather_timer_.armed()) gather_timer_.arm(due);
}

void SendQueue::let_go(runtime::Instant now) {
  gather_timer_.disarm();
  let_go_at_ = now;
  timelines_ = &view_.timelines();
  view_.stages().let_go(now);
  live_.take_all(gathering_);
}

// In the turn that pumps them.
void SendQueue::on_timer(runtime::Timer& /*timer*/) {
  loop_.assert_in_thread();
  let_go(clock_.now());
}

// A sender that becomes live while this goes on has its turn in the next round.
void SendQueue::pump_live() {
  runtime::IntrusiveList<Pumped> round;
  round.take_all(live_);
  while (Pumped* sender = round.pop_front()) pump(*sender);
}

// At least one of them gets its quantum, however long the live ones took.
void SendQueue::pump_catching_up() {
  const runtime::Instant deadline = clock_.now() + turn_budget_;
  while (Pumped* sender = catching_up_.pop_front()) {
    pump(*sender);
    if (clock_.now() >= deadline) return;
  }
}

void SendQueue::pump(Pumped& sender) {
  switch (sender.pump()) {
    case Pumped::PumpResult::kCaughtUp:
      (sender.patient_ && sender.is_live() ? gathering_ : caught_up_).push_back(sender.link_);
      break;
    case Pumped::PumpResult::kMore:
      make_runnable(sender);
      break;
    case Pumped::PumpResult::kBlocked:  // EPOLLOUT comes
    case Pumped::PumpResult::kWaiting:  // the view tells
    case Pumped::PumpResult::kPaused:   // an admin has it go on
    case Pumped::PumpResult::kEnded:
      break;
  }
}

}  // namespace server::stream
