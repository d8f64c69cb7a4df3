#pragma once

#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "runtime/result.h"
#include "server/wal/directory.h"
#include "server/wal/lsn.h"
#include "server/wal/names.h"

namespace server::wal {

// Segments from one number on, and before another one, of whatever timeline.
struct SegmentBounds {
  SegmentSize size = {};
  SegmentNo from{};
  std::optional<SegmentNo> before = {};  // none: however high
};

// The segments of a directory by their names; a .partial counts as one.
//   Owner: an inventory; a value.  Thread: the owner's. Only list() blocks.
class SegmentNames {
 public:
  static runtime::Result<SegmentNames> list(const Directory& directory);

  // Leaves out what does not lie within the bounds.
  void narrow(const SegmentBounds& bounds);

  // A whole segment comes before its own .partial. Spans and pointers are valid as long as this is,
  // and is not narrowed.
  const std::vector<FileName>& newest_first() const { return segments_; }
  std::set<TimelineId> timelines() const;
  // The segments of one timeline, newest first.
  std::span<const FileName> of(TimelineId timeline) const;
  // Null if there is none.
  const FileName* find(TimelineId timeline, SegmentNo no, SegmentSize size) const;

 private:
  explicit SegmentNames(std::vector<FileName> names) : segments_(std::move(names)) {}

  std::vector<FileName> segments_;
};

}  // namespace server::wal
