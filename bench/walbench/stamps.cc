#include "bench/walbench/stamps.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>

#include "runtime/check.h"

namespace bench::walbench {

using runtime::IoResult;

namespace {

constexpr std::size_t kTimeDigits = 16;
constexpr WallNanos kNanosPerSecond = 1'000'000'000;
constexpr WallNanos kNanosPerMicro = 1'000;

WallNanos nanos(const timespec& time) { return time.tv_sec * kNanosPerSecond + time.tv_nsec; }

// Now, if the kernel has not noted when the message came.
WallNanos arrival_in(msghdr& message) {
  timespec time;
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_TIMESTAMPNS) continue;
    std::memcpy(&time, CMSG_DATA(at), sizeof(time));
    return nanos(time);
  }
  CHECK(::clock_gettime(CLOCK_REALTIME, &time) == 0);
  return nanos(time);
}

}  // namespace

void ask_for_arrival_times(int fd) {
  const int on = 1;
  CHECK(::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0);
}

IoResult receive_at(int fd, std::span<std::byte> buffer, WallNanos& arrived_at) {
  iovec piece{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t got = ::recvmsg(fd, &message, MSG_DONTWAIT);
  if (got > 0) {
    arrived_at = arrival_in(message);
    return {.status = IoResult::Status::kDone, .bytes = static_cast<std::size_t>(got)};
  }
  if (got == 0) return {.status = IoResult::Status::kEnd};
  if (errno == EAGAIN || errno == EINTR) return {.status = IoResult::Status::kBlocked};
  return {.status = IoResult::Status::kFailed, .sys_errno = errno};
}

void add_delays(std::span<const std::byte> wal, std::string_view label, WallNanos arrived_at,
                Histogram& delays) {
  CHECK(!label.empty());
  std::string_view text(reinterpret_cast<const char*>(wal.data()), wal.size());
  for (auto at = text.find(label); at != std::string_view::npos; at = text.find(label)) {
    text.remove_prefix(at + label.size());
    if (text.size() <= kTimeDigits || text[0] != '@') continue;
    WallNanos begin = 0;
    const auto [end, error] = std::from_chars(&text[1], &text[1] + kTimeDigits, begin, 16);
    if (error != std::errc() || end != &text[1] + kTimeDigits) continue;
    const WallNanos micros = (arrived_at - begin) / kNanosPerMicro;
    delays.add(static_cast<std::uint64_t>(std::max<WallNanos>(micros, 0)));
  }
}

}  // namespace bench::walbench
