#include "runtime/wall_clock_watch.h"

#include <chrono>
#include <utility>

namespace runtime {

namespace {

constexpr Duration kApartMax = std::chrono::microseconds(100);
constexpr int kTriesMax = 5;
constexpr Duration kStepMin = std::chrono::milliseconds(1);
constexpr Duration::rep kSlewPart = 1000;  // of the time that has passed

std::int64_t wall_now_ns() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

}  // namespace

ClockReading read_clocks() {
  const SystemClock clock;
  ClockReading reading{.steady = clock.now(), .wall_ns = wall_now_ns()};
  for (int i = 1; i < kTriesMax && clock.now() - reading.steady > kApartMax; ++i) {
    reading = {.steady = clock.now(), .wall_ns = wall_now_ns()};
  }
  return reading;
}

Duration WallClockWatch::look(const ClockReading& now) {
  const ClockReading last = std::exchange(last_, now);
  const Duration passed = now.steady - last.steady;
  const Duration step = Duration(now.wall_ns - last.wall_ns) - passed;
  return std::chrono::abs(step) < kStepMin + passed / kSlewPart ? Duration::zero() : step;
}

}  // namespace runtime
