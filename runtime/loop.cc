#include "runtime/loop.h"

#include <algorithm>
#include <cerrno>
#include <span>

#include "runtime/check.h"

namespace runtime {

namespace {

constexpr std::size_t kEventsMin = 4;  // which any turn may take in

// An object that dies may retire another one, or leave something unfinished.
void bury(std::vector<std::unique_ptr<Loop::Retired>>& retired) {
  std::vector<std::unique_ptr<Loop::Retired>> dying;
  while (!retired.empty()) {
    dying.swap(retired);
    dying.clear();
  }
}

}  // namespace

Loop::Loop(const Clock& clock, Options options)
    : clock_(clock),
      options_(options),
      epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)),
      mailbox_(doorbell_),
      events_(options.events_per_turn),
      events_at_once_(options.events_per_turn),
      now_(clock.now()) {
  CHECK(epoll_fd_.valid());
  // No handler: the doorbell. Each write to it is an edge, so it never has to be read.
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  CHECK(::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, doorbell_.fd(), &event) == 0);
}

Loop::~Loop() = default;

void Loop::run() {
  assert_in_thread();
  thread_ = std::this_thread::get_id();
  now_ = clock_.now();  // the first sleep counts from here, however long ago the loop was made
  while (!stopping_) turn(/*may_sleep=*/true);
  thread_ = std::thread::id();
}

void Loop::stop() {
  mailbox_.post([this] {
    assert_in_thread();
    stopping_ = true;
  });
}

void Loop::turn_for_test() {
  assert_in_thread();
  thread_ = std::this_thread::get_id();
  turn(/*may_sleep=*/false);
}

void Loop::watch(int fd, std::uint32_t events, Handler& handler) {
  assert_in_thread();
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  CHECK(::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

void Loop::rewatch(int fd, std::uint32_t events, Handler& handler) {
  assert_in_thread();
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  CHECK(::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void Loop::unwatch(int fd) {
  assert_in_thread();
  CHECK(::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0);
}

void Loop::turn(bool may_sleep) {
  const bool sleep = may_sleep && !more_work_ && doorbell_.prepare_to_sleep();
  const int count = ::epoll_wait(epoll_fd_.get(), events_.data(), static_cast<int>(events_at_once_),
                                 sleep ? sleep_ms() : 0);
  CHECK(count >= 0 || errno == EINTR);
  doorbell_.awake_by_edge();
  now_ = clock_.now();
  IntrusiveList<Unfinished> earlier;
  earlier.take_all(unfinished_);
  handle_events(static_cast<std::size_t>(std::max(count, 0)));
  go_on_with(earlier);
  more_work_ = drain_mailbox();
  timers_.fire(now_);
  if (turn_work_ != nullptr && turn_work_->on_turn()) more_work_ = true;
  bury(retired_);
  if (!unfinished_.empty()) more_work_ = true;
}

// What epoll has reported is handled at once, since it would report the first of it again before
// the rest. Those that it has not come to are the first of the next turn.
void Loop::handle_events(std::size_t count) {
  for (const epoll_event& event : std::span(events_).first(count)) {
    if (event.data.ptr != nullptr) static_cast<Handler*>(event.data.ptr)->on_ready(event.events);
  }
  if (count > kEventsMin && turn_is_long()) {
    events_at_once_ = std::max(count / 2, kEventsMin);
  } else if (count == events_at_once_) {
    events_at_once_ = std::min(2 * count, events_.size());
  }
}

// Whether more tasks may be waiting. At least one has its turn.
bool Loop::drain_mailbox() {
  for (std::size_t ran = 0; ran < options_.tasks_per_turn; ++ran) {
    if (!mailbox_.drain(1)) return false;
    if (turn_is_long()) break;
  }
  return true;
}

void Loop::go_on_with(IntrusiveList<Unfinished>& earlier) {
  while (Unfinished* work = earlier.pop_front()) {
    work->go_on();
    if (turn_is_long()) break;
  }
  earlier.take_all(unfinished_);
  unfinished_.take_all(earlier);
}

// Rounded up, so that a timer is due when the loop wakes for it. It counts from the begin of the
// turn before, whose time is at hand: a timer is late by that turn's length at most.
int Loop::sleep_ms() const {
  const auto deadline = timers_.next_deadline();
  if (!deadline.has_value()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - now_).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

}  // namespace runtime
