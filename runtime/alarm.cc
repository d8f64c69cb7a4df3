#include "runtime/alarm.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/check.h"

namespace runtime {

Alarm::Alarm(Loop& loop, const Clock& clock, Handler& handler)
    : loop_(loop),
      clock_(clock),
      handler_(handler),
      fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  CHECK(fd_.valid());
  loop_.watch(fd_.get(), EPOLLIN, *this);
}

Alarm::~Alarm() { loop_.unwatch(fd_.get()); }

// A time of zero would disarm it.
void Alarm::arm(Instant deadline) {
  constexpr Duration kSecond = std::chrono::seconds(1);
  const Duration left = std::max(deadline - clock_.now(), Duration(1));
  const itimerspec time{
      .it_interval = {},
      .it_value = {.tv_sec = left / kSecond, .tv_nsec = (left % kSecond).count()}};
  CHECK(::timerfd_settime(fd_.get(), 0, &time, nullptr) == 0);
}

// Another deadline may have replaced the one that epoll has reported.
void Alarm::on_ready(std::uint32_t /*events*/) {
  std::uint64_t rings = 0;
  if (::read(fd_.get(), &rings, sizeof(rings)) != sizeof(rings)) return;
  handler_.on_alarm();
}

}  // namespace runtime
