#include "server/wal/retention.h"

#include <algorithm>

namespace server::wal {

SegmentNo Retention::keep_from(Lsn end) const {
  const SegmentNo current = segment_size_.segment_of(end);
  const SegmentNo wanted = before(current, options_.wal_keep_bytes);
  if (options_.slot_keep_bytes_max.has_value() && options_.invalidate_before) {
    const SegmentNo oldest = std::min(wanted, before(current, *options_.slot_keep_bytes_max));
    if (needed_from(end) < oldest) options_.invalidate_before(segment_size_.start(oldest));
  }
  return std::min(wanted, needed_from(end));
}

SegmentNo Retention::needed_from(Lsn end) const {
  const Lsn required = options_.required_lsn ? options_.required_lsn() : Lsn();
  return segment_size_.segment_of(required.valid() ? std::min(required, end) : end);
}

SegmentNo Retention::settled_needed_from(Lsn end) const {
  if (options_.settle) options_.settle();
  return needed_from(end);
}

SegmentNo Retention::before(SegmentNo no, std::uint64_t bytes) const {
  return SegmentNo{value(no) - std::min(value(no), bytes / segment_size_.bytes())};
}

}  // namespace server::wal
