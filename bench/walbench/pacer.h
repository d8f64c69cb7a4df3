#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "runtime/clock.h"

namespace bench::walbench {

// How many bytes a reader of a certain speed may read by now. What it leaves unread it may catch up
// on, up to the bytes of kBurst.
//   Owner: Standby.  Thread: the owner's.
class Pacer {
 public:
  static constexpr runtime::Duration kBurst = std::chrono::milliseconds(100);
  // How long to rest when nothing may be read.
  static constexpr runtime::Duration kRest = std::chrono::milliseconds(20);

  Pacer(std::uint64_t bytes_per_second, runtime::Instant now)
      : rate_(bytes_per_second), last_(now) {}

  std::uint64_t allowed(runtime::Instant now) {
    const double burst = std::max(1.0, bytes_in(kBurst));
    allowance_ = std::min(burst, allowance_ + bytes_in(now - std::exchange(last_, now)));
    return static_cast<std::uint64_t>(allowance_);
  }
  void took(std::uint64_t bytes) { allowance_ -= static_cast<double>(bytes); }

 private:
  double bytes_in(std::chrono::duration<double> time) const {
    return time.count() * static_cast<double>(rate_);
  }

  const std::uint64_t rate_;
  runtime::Instant last_;
  double allowance_ = 0;
};

}  // namespace bench::walbench
