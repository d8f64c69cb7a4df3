#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/result.h"
#include "server/verify/piece.h"
#include "server/wal/directory.h"
#include "server/wal/identity.h"
#include "server/wal/lsn.h"
#include "server/wal/timeline.h"
#include "server/wal/timelines.h"

namespace server::verify {

using SegmentKey = std::pair<wal::TimelineId, wal::SegmentNo>;

// What of a directory is to be proven.
struct Scope {
  wal::Lsn from = {};             // invalid: from the oldest segment on
  wal::Lsn to = wal::Lsn::max();  // max: to the end
  // The WAL that a recovery to this timeline reads: its own, and that of its parents up to each
  // fork. None: all timelines.
  std::optional<wal::TimelineId> timeline = {};
};

// What a directory has, by its names and some first pages.
//   Owner: a value.  Thread: any.
struct Survey {
  wal::Identity identity;  // of most of the segments
  // In the order in which their WAL is: by segment, and of one segment by timeline. A .partial is
  // among them only if there is no whole segment.
  std::vector<WalFile> files = {};
  // Of the timelines that have files and whose parents are known; 1 has none.
  std::map<wal::TimelineId, wal::TimelineHistory> histories = {};
  std::set<SegmentKey> partials_beside = {};  // of segments that are whole
  // By name, where there is no whole segment beside.
  std::map<SegmentKey, std::string> compressed = {};
  std::vector<std::string> compressed_copies = {};  // of what is there as it should be, too
  std::map<wal::TimelineId, std::string> compressed_histories = {};  // of timelines with files
  std::map<wal::TimelineId, std::string> bad_histories = {};         // with the reason
  std::vector<wal::TimelineId> missing_histories = {};               // and none that is compressed
  std::vector<std::string> foreign = {};  // names that are none of PostgreSQL's

  // Null if its parents are not known.
  const wal::TimelineHistory* history_of(wal::TimelineId timeline) const;
  // The timeline whose file holds a segment for a recovery to `timeline`.
  wal::TimelineId holder(wal::TimelineId timeline, wal::SegmentNo no) const;
};

// Blocks; reads the names, the histories and the first pages of some segments. The error says why
// there is nothing to prove.
runtime::Result<Survey> survey(const wal::Directory& directory, const Scope& scope);

}  // namespace server::verify
