#include "bench/walbench/stamps.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>

#include "runtime/arrival.h"
#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wal/format.h"

namespace bench::walbench {

using runtime::IoResult;
using server::wal::Lsn;
using server::wal::SegmentSize;

namespace {

constexpr std::size_t kTimeDigits = 16;
constexpr WallNanos kNanosPerSecond = 1'000'000'000;
constexpr WallNanos kNanosPerMicro = 1'000;

WallNanos nanos(const timespec& time) { return time.tv_sec * kNanosPerSecond + time.tv_nsec; }

// Now, if the kernel has not noted when the message came.
WallNanos arrival_in(msghdr& message) {
  if (const auto noted = runtime::arrival_of(message)) return *noted;
  timespec time;
  CHECK(::clock_gettime(CLOCK_REALTIME, &time) == 0);
  return nanos(time);
}

}  // namespace

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

std::string stamp(std::string_view label, WallNanos time) {
  return runtime::format("{}@{:016x}", label, time);
}

std::uint64_t micros_between(WallNanos from, WallNanos to) {
  return static_cast<std::uint64_t>(std::max<WallNanos>(to - from, 0) / kNanosPerMicro);
}

StampFinder::StampFinder(std::string_view label) : label_(label) { CHECK(!label.empty()); }

std::size_t StampFinder::stamp_bytes() const { return label_.size() + 1 + kTimeDigits; }

void StampFinder::find(Lsn at, SegmentSize segment_size, std::span<const std::byte> wal,
                       std::vector<WallNanos>& found) {
  if (at != next_) held_.clear();
  next_ = at + wal.size();
  while (!wal.empty()) {
    const auto header = server::wal::page_header_bytes(at.page_start(), segment_size);
    const bool in_header = at.page_offset() < header;
    const std::size_t left = (in_header ? header : server::wal::kPageBytes) - at.page_offset();
    const auto piece = wal.first(std::min(left, wal.size()));
    if (!in_header) take({reinterpret_cast<const char*>(piece.data()), piece.size()}, found);
    wal = wal.subspan(piece.size());
    at += piece.size();
  }
}

// What is held is shorter than a stamp, so one that begins in it ends in `text`, or not yet.
void StampFinder::take(std::string_view text, std::vector<WallNanos>& found) {
  const std::size_t held = held_.size();
  held_.append(text.substr(0, stamp_bytes() - 1));
  search(held_, held, found);
  search(text, text.size(), found);
  if (text.size() >= stamp_bytes()) held_ = text.substr(text.size() - (stamp_bytes() - 1));
  if (held_.size() >= stamp_bytes()) held_.erase(0, held_.size() - (stamp_bytes() - 1));
}

void StampFinder::search(std::string_view text, std::size_t begins_max,
                         std::vector<WallNanos>& found) const {
  for (auto at = text.find(label_); at < begins_max; at = text.find(label_, at + 1)) {
    const std::string_view rest = text.substr(at + label_.size());
    if (rest.size() <= kTimeDigits) return;
    if (rest[0] != '@') continue;
    WallNanos time = 0;
    const auto [end, error] = std::from_chars(&rest[1], &rest[1] + kTimeDigits, time, 16);
    if (error == std::errc() && end == &rest[1] + kTimeDigits) found.push_back(time);
  }
}

}  // namespace bench::walbench
