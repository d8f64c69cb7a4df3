#include "server/wal/timelines.h"

#include <optional>

namespace server::wal {

std::optional<std::string> history_text(const Timelines& timelines, TimelineId timeline) {
  const auto file = timelines.files.find(timeline);
  if (file != timelines.files.end()) return file->second;
  if (!timelines.history.contains(timeline)) return std::nullopt;
  return timelines.history.text_of(timeline);
}

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
