#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/result.h"
#include "server/wal/branch.h"
#include "server/wal/directory.h"
#include "server/wal/fault.h"
#include "server/wal/identity.h"
#include "server/wal/lsn.h"
#include "server/wal/segment_names.h"
#include "server/wal/timeline.h"

namespace server::wal {

inline constexpr runtime::ErrorKind kNoWal{"no_wal", "58P01"};
inline constexpr runtime::ErrorKind kUnsupportedWal{"unsupported_wal", "0A000"};
inline constexpr runtime::ErrorKind kForeignWal{"foreign_wal", "XX000"};

// What a directory of WAL holds, by its names and a few first pages.
struct Inventory {
  Identity identity;
  // Of the timeline that is served; without known parents if its history file is missing.
  TimelineHistory history;
  // Along that history every segment from oldest to newest has a file. Files of later names may
  // exist; they are not WAL yet: preallocated, or recycled and still with their old contents.
  SegmentNo oldest{};
  SegmentNo newest{};
  // The segment before the oldest, where it is missing though files of earlier segments are there.
  std::optional<SegmentNo> missing = {};
  // The tip's WAL behind this is void, and which timeline's history file says so (branch.h).
  Lsn end_max = Lsn::max();
  TimelineId forked{};
  // The texts of history files that are right; of a directory with a target only.
  HistoryFiles files = {};
  // What an operator should know, one sentence each.
  std::vector<std::string> warnings = {};
};

// Of a directory in which only this server writes: the newest timeline that has WAL is served.
// Blocks. However large the directory, it reads its names, and the first pages of no more segments
// than are unused above the newest, and three. Segments outside of the bounds count as not there.
// The errors are PostgreSQL's where it has one.
runtime::Result<Inventory> take_inventory(const Directory& directory,
                                          const std::optional<SegmentBounds>& bounds = {});

// Of a directory that others fill: the target says which timeline is served. Reads as much of each
// timeline. What is wrong with the timelines that are not served is a warning.
runtime::Result<Inventory> take_inventory(const Directory& directory, const TimelineTarget& target);

// The timelines of a directory from the one that is served on, by their files.
struct TimelineSurvey {
  TimelineEnds ends;
  HistoryFiles files;  // of all timelines, those of which the text has been checked
  std::vector<std::string> warnings = {};
};
// The same for a directory that has been served for a while.
runtime::Result<TimelineSurvey> survey_timelines(const Directory& directory,
                                                 const Identity& identity, TimelineId served);

struct EndOfWal {
  Lsn end;
  Lsn last_record;  // invalid if no record begins in what was read
  // Where the pages end that are there of a record that is not whole: their headers are right, what
  // they hold is not proven. end, if there is none.
  Lsn incomplete_to;
  // Set unless WAL just ends, in the newest segment: then an operator should look at it.
  std::optional<Fault> stopped_by = {};
};

// Where the valid records of a directory end. Reads the newest segment and the one before it; what
// is older is taken as it is. Blocks; fails if a file cannot be read.
runtime::Result<EndOfWal> find_end_of_wal(const Directory& directory, const Inventory& inventory);

}  // namespace server::wal
