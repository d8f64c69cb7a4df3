#pragma once

#include <map>
#include <optional>
#include <string>

#include "runtime/result.h"
#include "server/wal/timeline.h"

namespace server::wal {

using HistoryFiles = std::map<TimelineId, std::string>;  // texts

// All that is known of timelines at one moment: the history of the newest, and the text of every
// history file, which TIMELINE_HISTORY answers with.
//   Owner: WalTail, for as long as it lives, so that spans can point to it.  Thread: any;
//   immutable.
struct Timelines {
  TimelineHistory history;
  HistoryFiles files;
};

// What TIMELINE_HISTORY answers: the text of a timeline's own file, or else what the history of the
// newest timeline tells of this ancestor. Standbys ask for the file of every timeline between their
// own and the newest, and stop for ever where one is missing (walreceiver.c,
// WalRcvFetchTimeLineHistoryFiles).
std::optional<std::string> history_text(const Timelines& timelines, TimelineId timeline);

// The history of a timeline by the files that are known; one without a file has no known parents.
runtime::Result<TimelineHistory> history_of(TimelineId timeline, const HistoryFiles& files);

// Whether `later` tells the same of all timelines of `known`, but for how its tip ends.
bool continues(const TimelineHistory& later, const TimelineHistory& known);

}  // namespace server::wal
