#include "server/wal/fault_log.h"

#include "runtime/log.h"
#include "server/wal/names.h"

namespace server::wal {

void FaultLog::report(const Fault& fault, TimelineId file_timeline) {
  {
    const runtime::Lock lock(mutex_);
    if (!reported_.emplace(fault.lsn, fault.what).second) return;
  }
  const SegmentSize size = identity_.segment_size;
  runtime::log::warning(
      "invalid WAL in segment {}, offset {}, LSN {}: {}; nothing from there on is sent until the "
      "file is repaired",
      segment_name(file_timeline, size.segment_of(fault.lsn), size), size.offset(fault.lsn),
      fault.lsn, fault.what);
}

void FaultLog::forget(SegmentNo no) {
  const Lsn begin = identity_.segment_size.start(no);
  const Lsn end = identity_.segment_size.end(no);
  const runtime::Lock lock(mutex_);
  reported_.erase(reported_.lower_bound({begin, {}}), reported_.lower_bound({end, {}}));
}

}  // namespace server::wal
