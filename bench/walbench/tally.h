#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "bench/walbench/failures.h"
#include "bench/walbench/histogram.h"
#include "runtime/clock.h"

namespace bench::walbench {

// What a number of standbys have seen and how they ended.
//   Owner: a worker, then the report.  Thread: the owner's.
struct Tally {
  std::uint64_t completed = 0;
  std::uint64_t bytes = 0;  // of WAL
  Histogram message_bytes;  // WAL per XLogData message that came in whole
  Histogram delay_us;       // from the sender's clock in it to its last byte's arrival
  Histogram stamp_us;       // from the time in a stamp to its arrival
  FailureCounts failures;
  FailureCounts losses;          // of connections that were made again
  std::uint64_t reconnects = 0;  // of those that dropped theirs by plan
  std::uint64_t slots_made = 0;
  std::uint64_t slots_dropped = 0;
  std::uint64_t mismatches = 0;
  std::optional<runtime::Instant> first_stream;  // when the first one began to stream
  std::optional<runtime::Instant> last_end;      // when the last that had streamed ended

  void streaming_at(runtime::Instant now) {
    first_stream = std::min(first_stream.value_or(now), now);
  }
  void ended_at(runtime::Instant now) { last_end = std::max(last_end.value_or(now), now); }

  void add(const Tally& other) {
    completed += other.completed;
    bytes += other.bytes;
    message_bytes.add(other.message_bytes);
    delay_us.add(other.delay_us);
    stamp_us.add(other.stamp_us);
    failures.add(other.failures);
    losses.add(other.losses);
    reconnects += other.reconnects;
    slots_made += other.slots_made;
    slots_dropped += other.slots_dropped;
    mismatches += other.mismatches;
    if (other.first_stream) streaming_at(*other.first_stream);
    if (other.last_end) ended_at(*other.last_end);
  }
};

}  // namespace bench::walbench
