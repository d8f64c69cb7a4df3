#include "runtime/arrival.h"

#include <algorithm>
#include <cstring>
#include <ctime>

#include "runtime/check.h"

namespace runtime {

namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

std::int64_t nanos(const timespec& time) { return time.tv_sec * kNanosPerSecond + time.tv_nsec; }

}  // namespace

void note_arrivals(int fd) {
  const int on = 1;
  static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)));
}

std::optional<std::int64_t> arrival_of(msghdr& message) {
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec time;
    std::memcpy(&time, CMSG_DATA(at), sizeof(time));
    return nanos(time);
  }
  return std::nullopt;
}

std::optional<Duration> time_in_socket(int fd) {
  char first = 0;
  iovec piece{&first, sizeof(first)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (::recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT) <= 0) return std::nullopt;
  const auto arrived = arrival_of(message);
  if (!arrived.has_value()) return std::nullopt;
  timespec now{};
  CHECK(::clock_gettime(CLOCK_REALTIME, &now) == 0);
  return Duration(std::max<std::int64_t>(nanos(now) - *arrived, 0));
}

}  // namespace runtime
