#include "runtime/timer.h"

#include <utility>

#include "runtime/check.h"

namespace runtime {

void Timer::arm(Instant deadline) {
  disarm();
  deadline_ = deadline;
  timers_.insert(*this);
}

void Timer::disarm() {
  if (index_ != kNone) timers_.remove(*this);
  if (due_index_ != kNone) timers_.due_[std::exchange(due_index_, kNone)] = nullptr;
}

std::optional<Instant> Timers::next_deadline() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->deadline_;
}

void Timers::fire(Instant now) {
  while (!heap_.empty() && heap_.front()->deadline_ <= now) {
    Timer* const timer = heap_.front();
    remove(*timer);
    timer->due_index_ = due_.size();
    due_.push_back(timer);
  }
  // By index: a handler may destroy timers that are due, which clears their slots.
  for (std::size_t i = 0; i < due_.size(); ++i) {
    Timer* const timer = std::exchange(due_[i], nullptr);
    if (timer == nullptr) continue;
    timer->due_index_ = Timer::kNone;
    timer->handler_.on_timer(*timer);
  }
  due_.clear();
}

// All timers may be due at once, and fire() allocates nothing.
void Timers::insert(Timer& timer) {
  heap_.push_back(nullptr);
  due_.reserve(heap_.capacity());
  place(heap_.size() - 1, &timer);
  sift_up(timer.index_);
}

void Timers::remove(Timer& timer) {
  const std::size_t hole = timer.index_;
  CHECK(hole < heap_.size() && heap_[hole] == &timer);
  Timer* last = heap_.back();
  heap_.pop_back();
  timer.index_ = Timer::kNone;
  if (last == &timer) return;
  place(hole, last);
  sift_up(hole);
  sift_down(last->index_);
}

void Timers::sift_up(std::size_t index) {
  Timer* timer = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (heap_[parent]->deadline_ <= timer->deadline_) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, timer);
}

void Timers::sift_down(std::size_t index) {
  Timer* timer = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->deadline_ < heap_[child]->deadline_) ++child;
    if (timer->deadline_ <= heap_[child]->deadline_) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, timer);
}

void Timers::place(std::size_t index, Timer* timer) {
  heap_[index] = timer;
  timer->index_ = index;
}

}  // namespace runtime
