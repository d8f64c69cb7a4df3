#include "server/stream/keepalive.h"

#include <algorithm>
#include <utility>

namespace server::stream {

using runtime::Instant;

void Keepalive::start() {
  last_reply_ = loop_.now();
  ping_sent_ = draining_ = answer_owed_ = false;
  answers_paid_ = last_reply_;
  arm();
}

void Keepalive::drain() {
  draining_ = true;
  arm();
}

void Keepalive::stop() {
  draining_ = answer_owed_ = false;
  timer_.disarm();
}

void Keepalive::set_timeout(runtime::Duration timeout) { timeout_ = timeout; }

void Keepalive::on_reply() {
  last_reply_ = loop_.now();
  ping_sent_ = false;
}

void Keepalive::owe_answer() {
  if (!std::exchange(answer_owed_, true) && loop_.now() < answer_due()) arm();
}

bool Keepalive::take_answer() {
  if (!answer_owed_ || loop_.now() < answer_due()) return false;
  answer_owed_ = false;
  answers_paid_ = std::max(answers_paid_, loop_.now()) + kAnswerInterval;
  return true;
}

void Keepalive::arm() {
  auto deadline = Instant::max();
  if (timeout_.count() > 0) deadline = last_reply_ + (ping_sent_ ? timeout_ : timeout_ / 2);
  if (draining_) deadline = std::min(deadline, loop_.now() + kDrainInterval);
  if (answer_owed_) deadline = std::min(deadline, answer_due());
  deadline == Instant::max() ? timer_.disarm() : timer_.arm(deadline);
}

bool Keepalive::is_timed_out() const {
  return timeout_.count() > 0 && loop_.now() >= last_reply_ + timeout_;
}

bool Keepalive::is_ping_due() const {
  return timeout_.count() > 0 && loop_.now() >= last_reply_ + timeout_ / 2;
}

bool Keepalive::is_over(Instant since) const {
  return timeout_.count() > 0 && loop_.now() >= since + timeout_;
}

bool Keepalive::take_drain_turn() {
  if (loop_.now() < drain_turn_ + kDrainInterval) return false;
  drain_turn_ = loop_.now();
  return true;
}

bool Keepalive::take_ping() { return !std::exchange(ping_sent_, true); }

}  // namespace server::stream
