#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/wal/lsn.h"

namespace server::wal {

inline constexpr runtime::ErrorKind kBadHistory{"invalid_history_file", "XX000"};

// The timelines that led to one timeline, its tip, and where each forked from its parent: what a
// history file says (src/backend/access/transam/timeline.c, readTimeLineHistory).
//   Owner: each object that has one; a value.  Thread: any.
//   Invariant: ids increase up to the tip; each begins where the one before it ends.
class TimelineHistory {
 public:
  // A timeline without known parents.
  explicit TimelineHistory(TimelineId tip);

  // The history of `tip` by the text of its file. The errors are PostgreSQL's.
  static runtime::Result<TimelineHistory> parse(TimelineId tip, std::string_view text);

  TimelineId tip() const { return entries_.back().timeline; }
  bool contains(TimelineId timeline) const { return find(timeline) != nullptr; }

  // The first position that is not on `timeline` any more; none for the tip (tliSwitchPoint).
  // This and the next two REQUIRE: contains(timeline).
  std::optional<Lsn> switch_point(TimelineId timeline) const;
  // The child of `timeline` in this history; none for the tip.
  std::optional<TimelineId> next(TimelineId timeline) const;
  // The first position on `timeline`; invalid for the oldest, which begins where WAL does.
  Lsn begin(TimelineId timeline) const;

  // The timeline that a position lies on (tliOfPointInHistory).
  TimelineId owner(Lsn lsn) const;

  // The timeline whose file holds a segment for a stream on `streaming`. A segment in which
  // `streaming` ends is read from its child's file, which begins with the same bytes: the old file
  // may be gone, or renamed to .partial (walsender.c, WalSndSegmentOpen).
  // REQUIRES: contains(streaming).
  TimelineId file_timeline(SegmentNo no, SegmentSize segment_size, TimelineId streaming) const;
  // The same for a reader that follows this history from its beginning to its tip.
  TimelineId file_timeline(SegmentNo no, SegmentSize segment_size) const {
    return file_timeline(no, segment_size, owner(segment_size.start(no)));
  }

  // The file as it was parsed; empty without parents.
  const std::string& text() const { return text_; }
  // The text of an ancestor's file, which this one begins with; none for the oldest timeline, whose
  // parents nothing tells of. REQUIRES: contains(timeline).
  std::optional<std::string> text_of(TimelineId timeline) const;

 private:
  struct Entry {
    TimelineId timeline{};
    Lsn begin;
    Lsn end;  // invalid for the tip
  };

  const Entry* find(TimelineId timeline) const;
  const Entry& at(TimelineId timeline) const;

  std::vector<Entry> entries_;  // oldest first
  std::string text_;
};

}  // namespace server::wal
