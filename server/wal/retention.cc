#include "server/wal/retention.h"

#include <algorithm>

namespace server::wal {

SegmentNo Retention::keep_from(Lsn end) const {
  const SegmentNo current = segment_size_.segment_of(end);
  const SegmentNo wanted = before(current, options_.wal_keep_bytes);
  if (options_.slot_keep_bytes_max.has_value()) {
    const SegmentNo oldest = std::min(wanted, before(current, *options_.slot_keep_bytes_max));
    options_.holds->release_before(segment_size_.start(oldest));
  }
  return std::min(wanted, held_from(end));
}

bool Retention::may_give_up(SegmentNo no, Lsn end) const {
  if (no < held_from(end)) return true;
  options_.holds->settle(segment_size_.end(no));
  return no < held_from(end);
}

// A standby may confirm any position, even one behind the end of WAL.
SegmentNo Retention::held_from(Lsn end) const {
  const Lsn held = options_.holds->oldest();
  return segment_size_.segment_of(held.valid() ? std::min(held, end) : end);
}

SegmentNo Retention::before(SegmentNo no, std::uint64_t bytes) const {
  return SegmentNo{value(no) - std::min(value(no), bytes / segment_size_.bytes())};
}

}  // namespace server::wal
