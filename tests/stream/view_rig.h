#pragma once

#include <poll.h>

#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/pool.h"
#include "server/stream/wal_view.h"
#include "server/wal/fault_log.h"
#include "server/wal/segments.h"
#include "server/wal/tail.h"
#include "tests/support/wal_directory.h"
#include "tests/wal/samples.h"

namespace tests {

// A directory of WAL and one loop's view of it, driven turn by turn.
//   Members die in reverse: the pool waits for its jobs while all that they use still lives.
struct ViewRig {
  explicit ViewRig(std::uint32_t segment_mb = 1, server::stream::WalView::Options options = {})
      : identity(identity_of(segment_mb)),
        directory(server::wal::TimelineId{1}, identity.segment_size),
        builder(builder_of(identity)),
        faults(identity),
        segments(directory.path(), identity, faults),
        loop(clock, {}),
        pool(1),
        view(loop, pool, segments, options) {
    tail.subscribe(view.queue());
    tail.adopt({server::wal::TimelineHistory(server::wal::TimelineId{1}), {}});
    loop.turn_for_test();
  }

  // Writes records until there are `bytes` more of WAL, and does not tell the view.
  void grow(std::uint64_t bytes) {
    const server::wal::Lsn target = builder.end() + bytes;
    while (builder.end() < target) builder.append_noop(filling(3000));
    directory.write(builder);
    builder.clear();
  }
  // The view knows of all that was written when the loop has turned.
  void publish() {
    const server::wal::Lsn from = std::max(tail.position(), begin());
    tail.publish(from, builder.end(), 1, clock.now());
  }
  // `bytes` of WAL that the view knows of.
  void fill(std::uint64_t bytes) {
    grow(bytes);
    publish();
    view.take_spans();
  }
  server::wal::Lsn begin() const { return identity.segment_size.start(server::wal::SegmentNo{1}); }
  server::wal::Lsn end() const { return builder.end(); }
  server::wal::SegmentNo segment(std::uint64_t no) const { return server::wal::SegmentNo{no}; }
  std::string wal(server::wal::Lsn from, server::wal::Lsn to) const {
    const auto bytes = directory.read(from, to);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  // Turns the loop until `done`, which the pool's jobs bring about; false if they never do. The
  // limit is for a test that hangs, not for a machine that is slow.
  template <typename Done>
  bool turn_until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      loop.turn_for_test();
      if (done()) return true;
      pollfd rung{.fd = loop.doorbell().fd(), .events = POLLIN, .revents = 0};
      if (loop.doorbell().prepare_to_sleep()) ::poll(&rung, 1, /*timeout_ms=*/1);
    }
    return false;
  }

  runtime::FakeClock clock;
  server::wal::Identity identity;
  WalDirectory directory;
  server::wal::WalBuilder builder;
  server::wal::WalTail tail;
  server::wal::FaultLog faults;
  server::wal::Segments segments;
  runtime::Loop loop;
  runtime::Pool pool;
  server::stream::WalView view;
};

}  // namespace tests
