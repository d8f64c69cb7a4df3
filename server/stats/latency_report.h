#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "server/stats/session_status.h"
#include "server/stream/stage_clock.h"

namespace server::stats {

// Where WAL has spent its time on its way to the standbys, of all loops or of some. A plain value.
struct LatencySnapshot {
  std::vector<SessionStatus> standbys;  // those that are connected
  stream::StageSnapshot stages;         // of all deliveries, also to standbys that have left
};

enum class LatencySpan : std::uint8_t {
  kRecent,  // this minute and the one before
  kAll,     // since the start
};

// The report that people read: stage by stage for all deliveries, then a line for each standby,
// those whose longest stage is longest first. At most kLatencyRowsMax of them have a line.
inline constexpr std::size_t kLatencyRowsMax = 40;
std::string render_latency(const LatencySnapshot& snapshot, LatencySpan span,
                           runtime::Duration since_start);

}  // namespace server::stats
