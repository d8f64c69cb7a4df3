#include "server/wal/spool_room.h"

#include <cerrno>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/log.h"

namespace server::wal {

using runtime::format;
using runtime::Result;

Result<void> SpoolRoom::make_for_segment_at(Lsn end) {
  TRY(remove_old_segments(end));
  return keep_space_free(end);
}

Result<bool> SpoolRoom::make_at_once(Lsn end) {
  return options_.free_bytes_min == 0 ? false : give_up_oldest_segment(end);
}

Result<void> SpoolRoom::remove_old_segments(Lsn end) {
  const SegmentNo keep_from = retention_.keep_from(end);
  if (keep_from == removed_before_) return {};
  TRY(remove_before(keep_from));
  removed_before_ = keep_from;
  return {};
}

Result<void> SpoolRoom::remove_before(SegmentNo keep_from) {
  TRY(options_.before_removal(keep_from));
  return directory_.remove_segments_before(keep_from, segment_size_, options_.on_removed);
}

// The segments that go are counted, since a file system may need a while to have their room, and
// longer if one of them is still open somewhere.
Result<void> SpoolRoom::keep_space_free(Lsn end) {
  if (options_.free_bytes_min == 0) return {};
  const std::uint64_t segment_bytes = segment_size_.bytes();
  const std::uint64_t wanted = options_.free_bytes_min + segment_bytes;
  std::uint64_t free = TRY(options_.free_bytes(directory_.path()));
  if (free >= wanted) {
    if (gave_up_before_ <= removed_before_) gave_up_before_.reset();
    return {};
  }
  for (; free < wanted; free += segment_bytes) {
    const bool went = TRY(give_up_oldest_segment(end));
    if (went) continue;
    return runtime::system_error(
        ENOSPC, format("could not make room for a segment in \"{}\": {} bytes are free, "
                       "min_free_space is {}, and no old WAL may be removed",
                       directory_.path(), free, options_.free_bytes_min));
  }
  return {};
}

// Returns whether one could go. It is logged once until there is enough space for what
// wal_keep_size asks for.
Result<bool> SpoolRoom::give_up_oldest_segment(Lsn end) {
  const auto oldest = TRY(directory_.oldest_segment(segment_size_));
  if (!oldest || next(*oldest) >= segment_size_.segment_of(end)) return false;
  if (!retention_.may_give_up(*oldest, end)) return false;
  if (!gave_up_before_) {
    runtime::log::log("removing WAL before {} for want of space, although wal_keep_size keeps it",
                      segment_size_.end(*oldest));
  }
  gave_up_before_ = next(*oldest);
  TRY(remove_before(*gave_up_before_));
  return true;
}

}  // namespace server::wal
