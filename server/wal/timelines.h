#pragma once

#include <map>
#include <string>

#include "server/wal/timeline.h"

namespace server::wal {

// All that is known of timelines at one moment: the history of the newest, and the text of every
// history file, which TIMELINE_HISTORY answers with.
//   Owner: WalTail, for as long as it lives, so that spans can point to it.  Thread: any;
//   immutable.
struct Timelines {
  TimelineHistory history;
  std::map<TimelineId, std::string> files;
};

}  // namespace server::wal
