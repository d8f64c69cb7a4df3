#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/pool.h"
#include "server/stream/wal_view.h"
#include "server/wal/format.h"

namespace tests {

// A loop's view of WAL that is said to be there; no file is ever opened. Timelines 1, 2 and 5, of
// which 2 forked from 1 at 0/3029D08 and 5 from 2 at 0/5000000; WAL ends on 5 at 0/B031A20,
// unless told otherwise.
class WalViewFixture {
 public:
  explicit WalViewFixture(int major, server::wal::Lsn end = server::wal::Lsn(0xB031A20))
      : identity_{.system_identifier = 7711103985084528860,
                  .segment_size = {},
                  .page_magic = server::wal::page_magic(major).value()},
        faults_(identity_),
        segments_("none", identity_, faults_, clock_),
        timelines_{
            server::wal::TimelineHistory::parse(server::wal::TimelineId{5}, kHistory).value(),
            {{server::wal::TimelineId{5}, kHistory}}},
        view_(loop_, pool_, segments_, {}) {
    view_.queue().push({.timelines = &timelines_,
                        .begin = std::min(server::wal::Lsn(0x5000000), end),
                        .end = end,
                        .published = clock_.now()});
    CHECK(view_.take_spans());
  }

  static inline const std::string kHistory =
      "1\t0/3029D08\tno recovery target specified\n\n2\t0/5000000\tbefore 2000-01-01\n";

  const server::stream::WalView& view() const { return view_; }
  const server::wal::Identity& identity() const { return identity_; }

 private:
  runtime::FakeClock clock_;
  runtime::Loop loop_{clock_, {}};
  runtime::Pool pool_{1};
  const server::wal::Identity identity_;
  server::wal::FaultLog faults_;
  server::wal::Segments segments_;
  const server::wal::Timelines timelines_;
  server::stream::WalView view_;
};

}  // namespace tests
