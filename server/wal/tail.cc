#include "server/wal/tail.h"

#include <utility>

#include "runtime/check.h"

namespace server::wal {

const Timelines* WalTail::adopt(Timelines timelines) {
  history_.push_back(std::make_unique<const Timelines>(std::move(timelines)));
  return history_.back().get();
}

void WalTail::publish(Lsn begin, Lsn end, runtime::Instant now, bool file_replaced) {
  CHECK(timelines() != nullptr && begin <= end);
  const WalSpan span{.timelines = timelines(),
                     .begin = begin,
                     .end = end,
                     .published = now,
                     .file_replaced = file_replaced,
                     .held_from = held_from_,
                     .promised = promised_,
                     .next_xid = next_xid_};
  position_.store(end);
  for (WalSpanQueue* queue : queues_) queue->push(span);
}

}  // namespace server::wal
