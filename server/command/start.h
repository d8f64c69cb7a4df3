#pragma once

#include <optional>

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

// The checks of walsender.c's StartReplication that come before CopyBothResponse.
// REQUIRES: view.has_wal().
runtime::Result<StartPoint> check_start(const stream::WalView& view,
                                        const StartReplication& request);

// The check that comes after it.
runtime::Result<void> check_not_ahead(const stream::WalView& view, const StartPoint& point);

}  // namespace server::command
