#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "server/stats/snapshot.h"
#include "server/stream/stage_clock.h"

namespace server::stats {

// What a loop is asked for besides its sessions, since it costs the loop more.
struct LoopQuestion {
  bool stages = false;  // some 200 kB are copied
  bool memory = false;  // every context of the loop is visited
};

// What one loop knows of itself and its sessions at one moment. A plain value, made on the loop's
// thread.
struct LoopStatus {
  std::string name;                               // of its thread
  std::vector<SessionStatus> sessions;            // in no order
  std::unique_ptr<stream::StageSnapshot> stages;  // null: not asked for
  std::vector<MemoryContextStatus> memory;
  std::size_t client_memory_used = 0;  // of client_memory, in bytes
  std::size_t client_memory_max = 0;
};

}  // namespace server::stats
