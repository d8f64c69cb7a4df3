#pragma once

#include "runtime/clock.h"

namespace tests {

// A clock by which a step passes between two looks at it, none unless the test says so, and that
// stands still otherwise until the test advances it.
//   Thread: one at a time.
class TickingClock final : public runtime::Clock {
 public:
  runtime::Instant now() const override { return now_ += step; }
  runtime::WallMicros wall_now() const override { return 0; }
  void advance(runtime::Duration by) { now_ += by; }

  runtime::Duration step{0};

 private:
  mutable runtime::Instant now_{std::chrono::hours(1)};
};

}  // namespace tests
