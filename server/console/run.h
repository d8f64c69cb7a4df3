#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/console/relation.h"
#include "server/console/session_state.h"

namespace server::console {

// One run of a statement, as SQLite's callbacks see it.
struct Run {
  using Rows = std::shared_ptr<const std::vector<Row>>;

  std::shared_ptr<const stats::Snapshot> snapshot;
  SessionState* session = nullptr;
  std::int64_t now = 0;
  runtime::Duration time_left{};                       // of the statement
  runtime::Instant deadline{};                         // of this fetch, by the engine's clock
  std::optional<runtime::Error> error = std::nullopt;  // that a callback has met
  bool timed_out = false;
  // Of relations without arguments: a join may read them many times.
  std::map<const Relation*, Rows> rows = {};
};

}  // namespace server::console
