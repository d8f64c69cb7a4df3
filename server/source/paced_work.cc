#include "server/source/paced_work.h"

#include <algorithm>

#include "runtime/check.h"

namespace server::source {

void PacedWork::ask() {
  home_.assert_in_thread();
  if (state_ == State::kRuns) state_ = State::kRunsAndIsAskedFor;
  if (state_ == State::kIdle) wait_or_begin();
}

bool PacedWork::ask_at_leisure() {
  home_.assert_in_thread();
  if (state_ != State::kIdle || home_.now() < leisure_from_) return false;
  begin();
  return true;
}

void PacedWork::on_timer(runtime::Timer& /*timer*/) {
  home_.assert_in_thread();
  DCHECK(state_ == State::kWaits);
  begin();
}

void PacedWork::wait_or_begin() {
  if (home_.now() >= urgent_from_) return begin();
  state_ = State::kWaits;
  due_.arm(urgent_from_);
}

void PacedWork::begin() {
  state_ = State::kRuns;
  job_.begin();
  worker_.mailbox().post([this] { work(); });
}

void PacedWork::work() {
  worker_.assert_in_thread();
  const runtime::Instant begun = clock_.now();
  job_.run();
  const runtime::Duration took = clock_.now() - begun;
  home_.mailbox().post([this, took] { done(took); });
}

void PacedWork::done(runtime::Duration took) {
  home_.assert_in_thread();
  const bool is_asked_for = state_ == State::kRunsAndIsAskedFor;
  DCHECK(is_asked_for || state_ == State::kRuns);
  state_ = State::kIdle;
  urgent_from_ = home_.now() + std::max(kPauseMin, kUrgentShare * took);
  leisure_from_ = home_.now() + std::max(kPauseMin, kLeisureShare * took);
  job_.end();
  if (is_asked_for) ask();
}

}  // namespace server::source
