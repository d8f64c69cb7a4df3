#include "runtime/doorbell.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/check.h"

namespace runtime {

namespace {

constexpr Duration kWaitMax = std::chrono::hours(1);

}  // namespace

Doorbell::Doorbell() : event_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(event_fd_.valid());
}

void Doorbell::ring() {
  rings_.fetch_add(1);
  if (asleep_.load() && asleep_.exchange(false)) {
    // The counter of an eventfd overflows only after 2^64 - 2 unread rings.
    const std::uint64_t one = 1;
    CHECK(::write(event_fd_.get(), &one, sizeof(one)) == sizeof(one));
  }
}

bool Doorbell::prepare_to_sleep() {
  if (!asleep_.exchange(true) && prepared_) ++unread_;
  prepared_ = true;
  return rings_.load() == seen_;
}

void Doorbell::awake_by_edge() {
  if (std::exchange(prepared_, false) && !asleep_.exchange(false)) ++unread_;
  seen_ = rings_.load();
}

// A ringer that has found the sleeper asleep may not have written yet; then its ring is read by a
// later call. What is read is the number of the rings that were written.
void Doorbell::awake() {
  awake_by_edge();
  if (unread_ == 0) return;
  std::uint64_t count = 0;
  if (::read(event_fd_.get(), &count, sizeof(count)) != sizeof(count)) return;
  DCHECK(count <= unread_);
  unread_ -= count;
}

short Doorbell::wait(int fd, short events, Duration at_most) {
  const Duration bounded = std::clamp(at_most, Duration::zero(), kWaitMax);
  const auto sleep = std::chrono::ceil<std::chrono::milliseconds>(bounded);
  pollfd waited[] = {{.fd = fd, .events = events, .revents = 0},
                     {.fd = event_fd_.get(), .events = POLLIN, .revents = 0}};
  const bool may_sleep = prepare_to_sleep();
  const int ready = ::poll(waited, 2, may_sleep ? static_cast<int>(sleep.count()) : 0);
  awake();
  return ready > 0 ? waited[0].revents : short{0};
}

}  // namespace runtime
