#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "runtime/clock.h"

namespace bench::live {

// What is done per second, from one look to the next: by the time that has passed between them, and
// not by that which was meant to. A busy machine is late with its looks, and a sample comes when
// the last worker has answered.
//   Owner: LiveRun.  Thread: the owner's.
class TickRates {
 public:
  struct Counts {
    std::uint64_t commits = 0;
    std::uint64_t deliveries = 0;
  };
  struct Rates {
    double commits = 0;
    double deliveries = 0;
  };

  void begin(const Counts& counts, runtime::Instant now) {
    counts_ = counts;
    at_ = now;
  }
  // Since the last call, or begin(). What has become less, such as the deliveries to a standby that
  // has failed, counts as none.
  Rates take(const Counts& counts, runtime::Instant now) {
    const Counts before = std::exchange(counts_, counts);
    const double seconds = std::chrono::duration<double>(now - std::exchange(at_, now)).count();
    const auto rate = [&](std::uint64_t from, std::uint64_t to) {
      return seconds > 0 ? static_cast<double>(std::max(from, to) - from) / seconds : 0;
    };
    return {.commits = rate(before.commits, counts.commits),
            .deliveries = rate(before.deliveries, counts.deliveries)};
  }

 private:
  Counts counts_;
  runtime::Instant at_{};
};

}  // namespace bench::live
