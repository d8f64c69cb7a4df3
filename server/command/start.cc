#include "server/command/start.h"

#include "runtime/errors.h"
#include "runtime/format.h"
#include "server/stream/errors.h"
#include "server/wire/errors.h"

namespace server::command {

runtime::Result<StartPoint> check_start(const stream::WalView& view,
                                        const StartReplication& request) {
  const wal::TimelineHistory& history = view.history();
  StartPoint point{request.timeline.value_or(history.tip()), request.start, std::nullopt};
  if (!history.contains(point.timeline)) {
    return runtime::Error{
        .kind = &runtime::kInternal,
        .what = runtime::format("requested timeline {} is not in this server's history",
                                wal::value(point.timeline))};
  }
  const auto switch_point = history.switch_point(point.timeline);
  if (!switch_point.has_value()) return point;
  if (point.start > *switch_point) {
    return runtime::Error{
        .kind = &runtime::kInternal,
        .what = runtime::format(
            "requested starting point {} on timeline {} is not in this server's history",
            point.start, wal::value(point.timeline)),
        .detail = runtime::format("This server's history forked from timeline {} at {}.",
                                  wal::value(point.timeline), *switch_point)};
  }
  if (point.start == *switch_point) {
    point.nothing_but = stream::NextTimeline{*history.next(point.timeline), *switch_point};
  }
  return point;
}

runtime::Result<void> check_available(const stream::WalView& view, const StartPoint& point) {
  if (point.start > view.start_max()) return stream::ahead_of_wal(point.start, view.end());
  return {};
}

}  // namespace server::command
