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
#include "tests/wal/growing_wal.h"

namespace tests {

// A directory of WAL and one loop's view of it, driven turn by turn.
//   Members die in reverse: the pool waits for its jobs while all that they use still lives.
struct ViewRig : GrowingWal {
  explicit ViewRig(std::uint32_t segment_mb = 1, server::stream::WalView::Options options = {})
      : GrowingWal(segment_mb),
        faults(identity),
        segments(directory.path(), identity, faults, file_clock),
        loop(clock, {}),
        pool(1),
        view(loop, pool, segments, far_away(options)) {
    tail.subscribe(view.queue());
    tail.adopt({server::wal::TimelineHistory(server::wal::TimelineId{1}), {}});
    loop.turn_for_test();
  }

  // Its peers, at the other ends of socket pairs, are as on other hosts.
  static server::stream::WalView::Options far_away(server::stream::WalView::Options options) {
    options.find_place = [](int) { return runtime::PeerPlace::kAway; };
    return options;
  }

  // The view knows of all that grow() has written when the loop has turned.
  void publish() {
    const server::wal::Lsn from = std::max(tail.position(), begin());
    tail.publish(from, builder.end(), clock.now());
  }
  // `bytes` of WAL that the view knows of.
  void fill(std::uint64_t bytes) {
    grow(bytes);
    publish();
    view.take_spans();
  }
  // The same, but the reader has proven nothing of it: the walk begins behind it.
  void fill_unproven(std::uint64_t bytes) {
    grow(bytes);
    tail.publish(builder.end(), builder.end(), clock.now());
    view.take_spans();
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
  runtime::FakeClock file_clock;  // the pool's threads read it too, and it stands still
  server::wal::WalTail tail;
  server::wal::FaultLog faults;
  server::wal::Segments segments;
  runtime::Loop loop;
  runtime::Pool pool;
  server::stream::WalView view;
};

}  // namespace tests
