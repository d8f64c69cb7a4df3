#pragma once

// The names of WAL files (src/include/access/xlog_internal.h: XLogFileName, IsXLogFileName).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/wal/lsn.h"

namespace server::wal {

inline constexpr std::string_view kPartialSuffix = ".partial";
inline constexpr std::string_view kHistorySuffix = ".history";

// "000000010000000000000003".
std::string segment_name(TimelineId timeline, SegmentNo no, SegmentSize segment_size);
// "00000002.history".
std::string history_name(TimelineId timeline);

// What a file name says. Two of the three numbers of a segment mean a SegmentNo only together with
// the segment size, which the name does not tell.
struct FileName {
  enum class Kind { kSegment, kPartial, kHistory };

  Kind kind = Kind::kSegment;
  TimelineId timeline{};
  std::uint32_t log = 0;  // the upper half of the LSN
  std::uint32_t seg = 0;  // the segment within those 4 GB

  // None if a directory of this segment size has no such file. REQUIRES: kind is not kHistory.
  std::optional<SegmentNo> segment(SegmentSize segment_size) const;

  friend bool operator==(const FileName&, const FileName&) = default;
};

// The name that parse_file_name() takes apart.
std::string file_name(const FileName& name);

// Only what PostgreSQL itself writes: upper-case hex, full length, a timeline that is not 0.
std::optional<FileName> parse_file_name(std::string_view name);

}  // namespace server::wal
