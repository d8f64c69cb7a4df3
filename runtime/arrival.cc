#include "runtime/arrival.h"

#include <cstring>
#include <ctime>

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

namespace {

std::optional<std::int64_t> first_arrival_in(int fd) {
  char first = 0;
  iovec piece{&first, sizeof(first)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (::recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT) <= 0) return std::nullopt;
  return arrival_of(message);
}

}  // namespace

std::optional<Duration> ArrivalClock::time_in_socket(int fd) {
  const auto arrived = first_arrival_in(fd);
  const ClockReading now = read_clocks();
  if (arrived.has_value()) return since(*arrived, now);
  look(now);
  return std::nullopt;
}

std::optional<Duration> ArrivalClock::since(std::int64_t arrived_ns, const ClockReading& now) {
  look(now);
  if (arrived_ns < trusted_from_ns_ || arrived_ns > now.wall_ns) return std::nullopt;
  return Duration(now.wall_ns - arrived_ns);
}

void ArrivalClock::look(const ClockReading& now) {
  if (watch_.look(now) != Duration::zero()) trusted_from_ns_ = now.wall_ns;
}

}  // namespace runtime
