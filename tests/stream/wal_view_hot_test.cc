#include <gtest/gtest.h>

#include <utility>

#include "tests/stream/view_rig.h"

// What is hot is sent without a second look, so the reader must have proven it in this very file.

namespace tests {

using server::stream::WalView;
using server::wal::Lsn;
using server::wal::TimelineHistory;
using server::wal::TimelineId;

namespace {

struct HotTest : ::testing::Test, private WalView::Waiter {
  HotTest() {
    rig.fill(500'000);
    EXPECT_EQ(ready_to(), rig.end());
    EXPECT_TRUE(rig.view.is_hot(rig.begin()));
  }
  // How far WAL from the beginning may be sent.
  Lsn ready_to() {
    Lsn end;
    EXPECT_TRUE(rig.turn_until([&] {
      const auto located = rig.view.locate(rig.begin(), *this);
      if (located.availability == WalView::Availability::kReady) end = located.ready_to;
      return end.valid();
    }));
    return end;
  }
  void adopt(TimelineHistory history) {
    rig.tail.adopt({std::move(history), {{TimelineId{2}, "1\t0/900000\tlater\n"}}});
    rig.tail.publish(rig.end(), rig.end(), rig.clock.now());
    rig.view.take_spans();
  }
  void on_wal_ready() override {}

  ViewRig rig;
};

TEST_F(HotTest, AFileThatHasChangedIsProvenAnew) {
  rig.directory.flip(rig.begin() + 100'000);
  rig.segments.forget(rig.segment(1));
  rig.view.forget(rig.segment(1));
  EXPECT_LE(ready_to(), rig.begin() + 100'000);
}

TEST_F(HotTest, AFileThatHasReplacedAnotherIsProvenAnew) {
  const Lsn known = rig.end();
  rig.directory.replace(rig.segment(1));
  rig.grow(5000);
  rig.directory.flip(rig.begin() + 100'000);
  rig.tail.publish(known, rig.end(), rig.clock.now(), /*file_replaced=*/true);
  rig.view.take_spans();
  EXPECT_LE(ready_to(), rig.begin() + 100'000);
  const Lsn next = rig.end();
  rig.fill(5000);
  EXPECT_TRUE(rig.view.is_hot(next)) << "what comes in the new file";
}

TEST_F(HotTest, OfANewTimelineOnlyWhatTheReaderSawOfItIsHot) {
  adopt(*TimelineHistory::parse(TimelineId{2}, runtime::format("1\t{}\tx\n", rig.end())));
  EXPECT_FALSE(rig.view.is_hot(rig.end() - 1));
  EXPECT_TRUE(rig.view.is_hot(rig.end()));
}

TEST_F(HotTest, AHistoryFileThatComesProvesNothingLess) {
  adopt(TimelineHistory(TimelineId{1}));
  EXPECT_TRUE(rig.view.is_hot(rig.begin()));
}

}  // namespace

}  // namespace tests
