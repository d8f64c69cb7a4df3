#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "bench/behaviour/group.h"
#include "bench/walbench/pacer.h"
#include "runtime/clock.h"

namespace bench::walbench {

// How much a standby of a group may read by now: nothing while it is stalled, what its rate allows
// if it is slow.
//   Owner: Standby.  Thread: the owner's.
//   Borrows: the group.
class ReadingPace {
 public:
  // The run began at `run_begin`.
  ReadingPace(const behaviour::Group& group, runtime::Instant run_begin)
      : group_(group), run_begin_(run_begin) {}

  // A stream begins.
  void begin(runtime::Instant now) {
    ended_ = false;
    if (group_.bytes_per_second != 0) pacer_.emplace(group_.bytes_per_second, now);
  }
  // It ends: what is under way is taken as it comes.
  void end() {
    pacer_.reset();
    ended_ = true;
  }

  bool stalls(runtime::Instant now) const {
    const auto& stall = group_.stall;
    return stall.has_value() && !ended_ && now >= run_begin_ + stall->from &&
           (!stall->to.has_value() || now < run_begin_ + *stall->to);
  }
  std::uint64_t allowed(runtime::Instant now) {
    if (stalls(now)) return 0;
    return pacer_.has_value() ? pacer_->allowed(now) : std::numeric_limits<std::uint64_t>::max();
  }
  void took(std::uint64_t bytes) {
    if (pacer_.has_value()) pacer_->took(bytes);
  }
  // When it may read again; none: never. REQUIRES: allowed(now) is 0.
  std::optional<runtime::Instant> rest_end(runtime::Instant now) const {
    if (!stalls(now)) return now + Pacer::kRest;
    if (!group_.stall->to.has_value()) return std::nullopt;
    return run_begin_ + *group_.stall->to;
  }

 private:
  const behaviour::Group& group_;
  const runtime::Instant run_begin_;
  std::optional<Pacer> pacer_;  // of a slow one that streams
  bool ended_ = false;
};

}  // namespace bench::walbench
