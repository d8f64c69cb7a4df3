#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "runtime/clock.h"
#include "server/console/verbs.h"

namespace server::stats {
struct Snapshot;
}

namespace server::console {

// What an engine reads, and its limits.
struct EngineOptions {
  // The latest picture of the server. May block for a moment. Never null.
  std::function<std::shared_ptr<const stats::Snapshot>()> snapshot;
  AdminVerbs* verbs = nullptr;  // null: verbs answer that they are not there (0A000)
  const runtime::Clock* clock = nullptr;
  runtime::Duration time_max = std::chrono::seconds(5);  // of one statement, its fetches together
  std::size_t heap_bytes_max = std::size_t{64} << 20;    // of SQLite
  std::size_t statement_bytes_max = std::size_t{256} << 10;
  std::size_t value_bytes_max = std::size_t{1} << 20;
};

}  // namespace server::console
