#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "runtime/clock.h"
#include "server/wal/lsn.h"

namespace server::stream {

// When the end of WAL passed which position, so that a standby's positions become times. PostgreSQL
// keeps such samples per walsender (LagTracker); here one loop's standbys share them, because they
// share the end of WAL.
//   Owner: WalView.  Thread: the loop's.
//   Limits: kSamples; a standby that is further behind is at least as old as the oldest.
class LagClock {
 public:
  static constexpr std::size_t kSamples = 8192;

  // The end has come to `end`. Samples closer than a millisecond become one. Ends grow, but for a
  // new timeline that forks before the end: what was beyond its fork is WAL of another timeline.
  void sample(wal::Lsn end, runtime::Instant now) {
    while (count_ > 0 && newest().end > end) drop_newest();
    if (count_ > 0 && now - newest().time < std::chrono::milliseconds(1)) {
      newest().end = end;
      return;
    }
    samples_[next_] = {end, now};
    next_ = (next_ + 1) % kSamples;
    if (count_ < kSamples) ++count_;
  }

  // How long WAL beyond `position` has been there to be sent; none if there is no such WAL.
  std::optional<runtime::Duration> behind(wal::Lsn position, runtime::Instant now) const {
    std::size_t low = 0;  // the first sample whose end is beyond the position, oldest first
    std::size_t high = count_;
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (at(middle).end > position) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    if (low == count_) return std::nullopt;
    return now - at(low).time;
  }

 private:
  struct Sample {
    wal::Lsn end;
    runtime::Instant time;
  };
  Sample& newest() { return samples_[(next_ + kSamples - 1) % kSamples]; }
  void drop_newest() {
    next_ = (next_ + kSamples - 1) % kSamples;
    --count_;
  }
  const Sample& at(std::size_t age_rank) const {
    return samples_[(next_ + kSamples - count_ + age_rank) % kSamples];
  }

  std::array<Sample, kSamples> samples_;
  std::size_t next_ = 0;
  std::size_t count_ = 0;
};

}  // namespace server::stream
