#include "bench/walbench/channel.h"

#include <utility>

namespace bench::walbench {

using runtime::IoResult;

runtime::Result<void> Channel::connect(const runtime::SocketAddress& address) {
  CHECK(!is_open());
  fd_ = TRY(runtime::connect_to(address));
  interest_ = EPOLLOUT;
  loop_.watch(fd_.get(), interest_, handler_);
  return {};
}

int Channel::connected() {
  const int error = runtime::connect_error(fd_.get());
  if (error == 0) update_interest();
  return error;
}

void Channel::close() {
  if (!is_open()) return;
  loop_.unwatch(fd_.get());
  fd_.reset();
  unsent_.clear();
  paused_ = false;
}

bool Channel::send(std::span<const std::byte> bytes) {
  const bool waited = has_unsent();
  unsent_.insert(unsent_.end(), bytes.begin(), bytes.end());
  return waited || flush();
}

bool Channel::flush() {
  while (has_unsent()) {
    const iovec piece{unsent_.data(), unsent_.size()};
    const IoResult result = runtime::send_vector(fd_.get(), {&piece, 1}, /*more=*/false);
    if (result.status == IoResult::Status::kFailed) return false;
    if (result.status == IoResult::Status::kBlocked) break;
    unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(result.bytes));
  }
  update_interest();
  return true;
}

void Channel::pause_reading(bool pause) {
  paused_ = pause;
  update_interest();
}

void Channel::update_interest() {
  const std::uint32_t in = paused_ ? 0u : EPOLLIN;
  const std::uint32_t out = has_unsent() ? EPOLLOUT : 0u;
  if (interest_ == (in | out)) return;
  interest_ = in | out;
  loop_.rewatch(fd_.get(), interest_, handler_);
}

}  // namespace bench::walbench
