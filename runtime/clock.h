#pragma once

// Time, read once a loop turn and passed on from there, so that tests can replace it.

#include <chrono>
#include <cstdint>

namespace runtime {

using Duration = std::chrono::nanoseconds;
// A point on the steady clock; for timeouts and rates.
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;
// Microseconds since the Unix epoch; for what people and peers are shown.
using WallMicros = std::int64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallMicros wall_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Instant now() const override { return std::chrono::steady_clock::now(); }
  WallMicros wall_now() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

// A clock that stands still until a test advances it.
class FakeClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallMicros wall_now() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(now_.time_since_epoch()).count();
  }
  void advance(Duration by) { now_ += by; }

 private:
  Instant now_{std::chrono::hours(1)};
};

}  // namespace runtime
