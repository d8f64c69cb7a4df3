#pragma once

#include <cstddef>
#include <vector>

#include "runtime/doorbell.h"
#include "server/wal/tail.h"

namespace tests {

// Stands where a loop would, and takes the spans that a tail publishes when the test says so.
class SpanTaker {
 public:
  explicit SpanTaker(server::wal::WalTail& tail, std::size_t items_max = 64)
      : queue_(items_max, doorbell_) {
    tail.subscribe(queue_);
  }

  // Those that have come since the last call.
  std::vector<server::wal::WalSpan> take() {
    std::vector<server::wal::WalSpan> spans;
    for (server::wal::WalSpan span; queue_.pop(span);) spans.push_back(span);
    return spans;
  }

 private:
  runtime::Doorbell doorbell_;
  server::wal::WalSpanQueue queue_;
};

}  // namespace tests
