#include "server/wal/timelines.h"

#include <optional>

namespace server::wal {

runtime::Result<TimelineHistory> history_of(TimelineId timeline, const HistoryFiles& files) {
  const auto file = files.find(timeline);
  if (file == files.end()) return TimelineHistory(timeline);
  return TimelineHistory::parse(timeline, file->second);
}

bool continues(const TimelineHistory& later, const TimelineHistory& known) {
  for (std::optional<TimelineId> id = known.owner(Lsn()); id; id = known.next(*id)) {
    if (!later.contains(*id)) return false;
    if (*id != known.tip() && later.switch_point(*id) != known.switch_point(*id)) return false;
  }
  return true;
}

}  // namespace server::wal
