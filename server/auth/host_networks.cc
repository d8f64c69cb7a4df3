#include "server/auth/host_networks.h"

#include <utility>

#include "runtime/log.h"

namespace server::auth {

runtime::Result<void> HostNetworks::read() {
  const runtime::Instant begun = clock_.now();
  auto found = read_();
  const runtime::Instant ended = clock_.now();
  const runtime::Lock lock(mutex_);
  is_reading_ = false;
  has_failed_ = !found.has_value();
  pause_ends_ = ended + kPauseShare * (ended - begun);
  if (!found) return std::move(found).error();
  known_ = std::make_shared<const Networks>(*std::move(found));
  return {};
}

std::shared_ptr<const Networks> HostNetworks::now() {
  bool had_failed = false;
  {
    const runtime::Lock lock(mutex_);
    if (is_reading_ || clock_.now() < pause_ends_) return known_;
    is_reading_ = true;
    had_failed = has_failed_;
  }
  if (const auto was_read = read(); !was_read && !had_failed) {
    runtime::log::log("{}", was_read.error().what);
  }
  const runtime::Lock lock(mutex_);
  return known_;
}

}  // namespace server::auth
