#include "server/wal/tail.h"

#include <utility>

#include "runtime/check.h"
#include "server/wal/segment.h"

namespace server::wal {

const Timelines* WalTail::adopt(Timelines timelines) {
  history_.push_back(std::make_unique<const Timelines>(std::move(timelines)));
  return history_.back().get();
}

void WalTail::publish(Lsn begin, Lsn end, runtime::Instant now, bool file_replaced) {
  CHECK(timelines() != nullptr && begin <= end);
  const bool is_long = end - begin > kSliceBytes;
  const WalSpan span{.timelines = timelines(),
                     .begin = begin,
                     .end = end,
                     .published = now,
                     .file_replaced = file_replaced,
                     .held_from = held_from_,
                     .promised = promised_,
                     .next_xid = next_xid_,
                     .long_begin = is_long ? begin : Lsn(),
                     .long_end = is_long ? end : Lsn()};
  position_.store(end);
  for (WalSpanQueue* queue : queues_) queue->push(span);
}

}  // namespace server::wal
