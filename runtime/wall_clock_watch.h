#pragma once

#include <cstdint>

#include "runtime/clock.h"

namespace runtime {

// What two clocks have said at one moment.
struct ClockReading {
  Instant steady{};
  std::int64_t wall_ns = 0;  // nanoseconds since the Unix epoch
};

// Both at the same moment, but for what a thread loses its processor between two readings; it
// tries again then, a few times.
ClockReading read_clocks();

// Notices that the wall clock was set, by a person, a time server or a host that woke up: that it
// went otherwise than the steady clock does. What a kernel slews by is not taken for that: no more
// than a part in 2000 (adjtimex(2)).
//   Owner: the object that measures.  Thread: the owner's.
class WallClockWatch {
 public:
  explicit WallClockWatch(const ClockReading& now) : last_(now) {}

  // By how much the wall clock was set since the last look; zero if it was not. A step of less than
  // a millisecond, and of a thousandth of the time since the last look, is not seen.
  Duration look(const ClockReading& now);

 private:
  ClockReading last_;
};

}  // namespace runtime
