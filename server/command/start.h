#pragma once

#include <optional>
#include <string_view>

#include "runtime/result.h"
#include "server/command/parser.h"
#include "server/stream/sender.h"
#include "server/stream/wal_view.h"

namespace server::command {

// Where a stream begins; or, for a historic timeline that has nothing left, where to go on instead.
struct StartPoint {
  wal::TimelineId timeline;
  wal::Lsn start;
  std::optional<stream::NextTimeline> nothing_but;
};

// The checks of walsender.c's StartReplication that come behind the check of the slot and before
// CopyBothResponse.
// REQUIRES: view.has_wal().
runtime::Result<StartPoint> check_start(const stream::WalView& view,
                                        const StartReplication& request);

// The checks that come after CopyBothResponse, and need no look at a file. A standby whose start
// lies beyond this server's WAL, but not beyond view.start_max(), may start: its sender waits for
// that WAL.
runtime::Result<void> check_available(const stream::WalView& view, const StartPoint& point);

}  // namespace server::command
