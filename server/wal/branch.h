#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/wal/lsn.h"
#include "server/wal/timeline.h"
#include "server/wal/timelines.h"

namespace server::wal {

// Which timeline of a directory is served; PostgreSQL's recovery_target_timeline.
struct TimelineTarget {
  enum class Kind {
    kLatest,   // the oldest that has WAL, and its children as they come
    kCurrent,  // the oldest that has WAL
    kNumber,   // this one
  };
  Kind kind = Kind::kLatest;
  TimelineId number{};  // for kNumber

  friend bool operator==(const TimelineTarget&, const TimelineTarget&) = default;
};
// "latest", "current" or a number.
std::optional<TimelineTarget> parse_timeline_target(std::string_view text);
std::string show_timeline_target(const TimelineTarget& target);

// The timelines that have WAL, with the newest segment of each.
using TimelineEnds = std::map<TimelineId, SegmentNo>;

// What of a directory's timelines is served.
struct Branch {
  TimelineHistory history;
  // The tip's WAL behind this is not served: a child has forked from it here, whose history file is
  // there and whose WAL is not.
  Lsn end_max = Lsn::max();
  TimelineId forked{};  // that child, if there is one
  // Timelines newer than the tip that has WAL of its own, which are not followed.
  std::set<TimelineId> refused = {};
  // What an operator should know, one sentence each.
  std::vector<std::string> warnings = {};
};

// Follows children from the tip of `from` on. Of several the lowest is taken, which is the one that
// came first: PostgreSQL numbers a new timeline behind all that its archive knows. So a server that
// has been there from the beginning and one that starts later come to the same timeline, and a
// timeline of another branch, such as a restore test's, is served by neither:
//
//   1 ----+---------+---- ...        2 and 3 have forked from 1, 3 at the earlier position. When 3
//         |         `-- 2 ---        came, 2 was served, and 3 is no child of it.
//         `-- 3 ---
//
// The history that `files` has of the tip itself counts if it only adds to what `from` knows.
Branch follow_branch(const TimelineHistory& from, const TimelineEnds& ends,
                     const HistoryFiles& files, SegmentSize size);

// Where the tip's history leaves timeline `known`; Lsn::max() if `known` is the tip. A timeline
// between the two may have forked earlier than the one before it, and then has nothing of its WAL.
Lsn earliest_fork(const TimelineHistory& history, TimelineId known);

// Why a text is not that of a timeline's history file, or not all of it: PostgreSQL writes at least
// one line, and ends each. REQUIRES: the timeline is not 1.
runtime::Result<void> check_history_text(TimelineId timeline, std::string_view text);

// The history of a timeline by its own file, or by that of a descendant; none if there is neither.
// REQUIRES: the texts of `files` have been checked.
std::optional<TimelineHistory> find_history(TimelineId timeline, const HistoryFiles& files);

}  // namespace server::wal
