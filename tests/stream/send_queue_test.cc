#include "server/stream/send_queue.h"

#include <gtest/gtest.h>

#include "tests/stream/sender_rig.h"

namespace tests {

using server::stream::Sender;
using server::wal::Lsn;
using server::wal::TimelineId;

namespace {

constexpr std::uint64_t kMb = 1 << 20;
constexpr TimelineId kFirst{1};

// A clock that tells another time whenever it is asked, so that every turn's budget is spent at
// once.
class RacingClock final : public runtime::Clock {
 public:
  runtime::Instant now() const override {
    ++reads;
    return now_ += std::chrono::seconds(1);
  }
  runtime::WallMicros wall_now() const override { return 0; }

  mutable int reads = 0;

 private:
  mutable runtime::Instant now_{std::chrono::hours(1)};
};

}  // namespace

TEST(SendQueueTest, NewWalGoesToEveryStandbyThatIsCaughtUp) {
  SenderRig rig;
  rig.fill(10'000);
  for (int i = 0; i < 20; ++i) rig.add().sender.start(kFirst, rig.end());
  const Lsn from = rig.end();
  for (int i = 0; i < 10; ++i) {
    rig.grow(2000);
    rig.publish();
    for (const auto& standby : rig.standbys) ASSERT_TRUE(rig.stream_to(*standby, rig.end()));
  }
  for (const auto& standby : rig.standbys) EXPECT_EQ(standby->wal(), rig.wal(from, rig.end()));
}

TEST(SendQueueTest, LiveStandbysGoBeforeThoseThatCatchUp) {
  SenderRig rig;
  rig.fill(6 * kMb);
  RacingClock racing;
  server::stream::SendQueue queue(rig.loop, racing, rig.view, {});
  rig.loop.set_turn_work(&queue);
  Standby behind(rig, queue, {.quantum_bytes = 64 * 1024}, 0);
  Standby also_behind(rig, queue, {.quantum_bytes = 64 * 1024}, 0);
  Standby live(rig, queue, {}, 0);
  // Until the file of the end is open, and then until the first slice is there: of its megabyte the
  // two that catch up have not had much by then, and their sockets have room.
  live.sender.start(kFirst, rig.end() - 1000);
  ASSERT_TRUE(rig.turn_until([&] { return live.sender.sent() == rig.end(); }));
  behind.sender.start(kFirst, rig.begin());
  also_behind.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.turn_until([&] { return behind.receive() && also_behind.receive(); }));

  const Lsn first = behind.sender.sent();
  const Lsn second = also_behind.sender.sent();
  rig.grow(2000);
  rig.publish();
  EXPECT_TRUE(queue.on_turn()) << "there is more to do";
  EXPECT_EQ(live.sender.sent(), rig.end());
  const auto went_on = (behind.sender.sent() > first) + (also_behind.sender.sent() > second);
  EXPECT_EQ(went_on, 1) << "a turn without time left serves one of those that catch up";
}

TEST(SendQueueTest, ATurnInWhichNoneCatchesUpReadsTheClockForItsSpansAndForEachDelivery) {
  SenderRig rig;
  rig.fill(100'000);
  RacingClock racing;
  server::stream::SendQueue queue(rig.loop, racing, rig.view, {});
  rig.loop.set_turn_work(&queue);
  Standby standby(rig, queue, {}, 0);
  standby.sender.start(kFirst, rig.end());
  rig.grow(2000);
  rig.publish();
  ASSERT_TRUE(rig.turn_until([&] { return standby.sender.sent() == rig.end(); }));
  racing.reads = 0;
  for (int i = 0; i < 5; ++i) {
    rig.grow(2000);
    rig.publish();
    EXPECT_FALSE(queue.on_turn());
    EXPECT_EQ(standby.sender.sent(), rig.end());
  }
  EXPECT_EQ(racing.reads, 5 * (1 + 1));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(queue.on_turn());
  EXPECT_EQ(racing.reads, 5 * (1 + 1));
}

TEST(SendQueueTest, AStandbyThatCatchesUpGetsAQuantumAtATime) {
  SenderRig rig;
  rig.fill(6 * kMb);
  RacingClock racing;
  server::stream::SendQueue queue(rig.loop, racing, rig.view, {});
  rig.loop.set_turn_work(&queue);
  constexpr std::uint32_t kQuantum = 128 * 1024;
  Standby one(rig, queue, {.quantum_bytes = kQuantum}, 4 << 20);
  Standby two(rig, queue, {.quantum_bytes = kQuantum}, 4 << 20);
  one.sender.start(kFirst, rig.begin());
  two.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.turn_until([&] {
    one.receive();
    two.receive();
    const auto apart = one.sender.sent() > two.sender.sent()
                           ? one.sender.sent() - two.sender.sent()
                           : two.sender.sent() - one.sender.sent();
    EXPECT_LE(apart, kQuantum);
    return one.sender.sent() >= rig.begin() + kMb && two.sender.sent() >= rig.begin() + kMb;
  }));
}

// Were a segment that has just been prepared closed as the least recently used one, before the
// standby that was told of it has its turn, no standby would get anything, for ever.
TEST(SendQueueTest, MoreSegmentsInDemandThanMayStayOpenAreServedAllTheSame) {
  SenderRig rig(1, {.segments_max = 1});
  rig.fill(7 * kMb);
  RacingClock racing;
  server::stream::SendQueue queue(rig.loop, racing, rig.view, {});
  rig.loop.set_turn_work(&queue);
  std::vector<std::unique_ptr<Standby>> standbys;
  for (std::uint64_t i = 0; i < 5; ++i) {
    standbys.push_back(std::make_unique<Standby>(rig, queue, Sender::Options{}, 0));
    standbys.back()->sender.start(kFirst, rig.begin() + i * kMb);
  }
  EXPECT_TRUE(rig.turn_until([&] {
    bool all = true;
    for (const auto& standby : standbys) {
      while (standby->receive()) standby->messages.clear();
      all = all && standby->sender.sent() == rig.end();
    }
    return all;
  }));
}

TEST(SendQueueTest, AStandbyThatIsBehindBecomesLive) {
  SenderRig rig;
  rig.fill(6 * kMb);
  Standby& standby = rig.add();
  standby.sender.start(kFirst, rig.begin());
  EXPECT_FALSE(standby.sender.is_live());
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  EXPECT_TRUE(standby.sender.is_live());
}

TEST(SendQueueTest, AStandbyThatDiesInAnyListLeavesIt) {
  SenderRig rig;
  rig.fill(6 * kMb);
  for (int i = 0; i < 3; ++i) {
    rig.add().sender.start(kFirst, rig.end());    // caught up
    rig.add().sender.start(kFirst, rig.begin());  // waits for a slice
  }
  rig.loop.turn_for_test();
  rig.add().sender.start(kFirst, rig.end());    // live, not pumped yet
  rig.add().sender.start(kFirst, rig.begin());  // behind, not pumped yet
  Standby survivor(rig, rig.queue, {}, 0);
  survivor.sender.start(kFirst, rig.end());
  rig.standbys.clear();
  const Lsn from = rig.end();
  rig.grow(3000);
  rig.publish();
  ASSERT_TRUE(rig.stream_to(survivor, rig.end()));
  EXPECT_EQ(survivor.wal(), rig.wal(from, rig.end()));
}

}  // namespace tests
