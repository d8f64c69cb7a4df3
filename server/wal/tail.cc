#include "server/wal/tail.h"

#include <utility>

#include "runtime/check.h"
#include "runtime/probes.h"
#include "server/wal/segment.h"

namespace server::wal {

const Timelines* WalTail::adopt(Timelines timelines) {
  history_.push_back(std::make_unique<const Timelines>(std::move(timelines)));
  timeline_.store(history_.back()->history.tip());
  return history_.back().get();
}

void WalTail::publish(Lsn begin, Lsn end, runtime::Instant now, bool file_replaced) {
  CHECK(timelines() != nullptr && begin <= end);
  const bool is_long = end - begin > kSliceBytes;
  const SourceTimes times = times_.published(now);
  const WalSpan span{.timelines = timelines(),
                     .begin = begin,
                     .end = end,
                     .published = times.published,
                     .file_replaced = file_replaced,
                     .held_from = held_from_,
                     .promised = promised_,
                     .next_xid = next_xid_,
                     .long_begin = is_long ? begin : Lsn(),
                     .long_end = is_long ? end : Lsn(),
                     .arrived = times.arrived,
                     .found = times.found,
                     .stored = times.stored,
                     .proven = times.proven};
  position_.store(end);
  for (WalSpanQueue* queue : queues_) queue->push(span);
  runtime::probes::wal_published(begin.value(), end.value(), now - span.found);
}

}  // namespace server::wal
