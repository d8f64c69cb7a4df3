#include <gtest/gtest.h>

#include <filesystem>

#include "tests/stream/sender_rig.h"

// New WAL is gathered for patient senders. The clock moves only where a test moves it.

namespace tests {

using runtime::Duration;
using server::stream::index_of;
using server::stream::Sender;
using server::stream::Stage;
using server::stream::StageFigure;
using server::wal::Lsn;
using server::wal::TimelineHistory;
using server::wal::TimelineId;
using std::chrono::milliseconds;

namespace {

constexpr TimelineId kFirst{1};
constexpr milliseconds kDelay{10};

struct SendDelayTest : ::testing::Test {
  SendDelayTest() {
    rig.queue.set_gather_time(kDelay);
    rig.fill(5000);
  }

  // A standby that has all WAL there is, and some that came after a pause.
  Standby& live(bool patient, int send_buffer_bytes = 0) {
    Standby& standby = rig.add({.timeout = std::chrono::seconds(10)}, send_buffer_bytes);
    standby.sender.set_gathers(patient);
    standby.sender.start(kFirst, rig.begin());
    EXPECT_TRUE(rig.stream_to(standby, rig.end()));
    rig.loop.turn_for_test();
    pass(std::chrono::seconds(1));
    commit();
    EXPECT_TRUE(rig.stream_to(standby, rig.end()));
    rig.loop.turn_for_test();
    return standby;
  }
  void commit(std::uint64_t bytes = 100) {
    rig.grow(bytes);
    rig.publish();
    rig.loop.turn_for_test();
  }
  void pass(Duration time) {
    rig.clock.advance(time);
    rig.loop.turn_for_test();
  }
  bool has_all(const Standby& standby) const { return standby.sender.sent() == rig.end(); }
  // How many messages of WAL it has received by now.
  static std::size_t messages(Standby& standby) {
    while (standby.receive()) {
    }
    const std::string kinds = standby.kinds();
    return static_cast<std::size_t>(std::count(kinds.begin(), kinds.end(), 'w'));
  }
  static StageFigure figure(const Standby& standby, Stage stage) {
    return standby.sender.delivery().stages.at(index_of(stage));
  }

  SenderRig rig;
};

TEST_F(SendDelayTest, WalAfterAPauseGoesOutAtOnce) {
  Standby& standby = live(/*patient=*/true);
  pass(kDelay);
  commit();
  EXPECT_TRUE(has_all(standby));
}

TEST_F(SendDelayTest, WhatComesSoonAfterIsGatheredIntoOneMessage) {
  Standby& standby = live(/*patient=*/true);
  const std::size_t before = messages(standby);
  for (int i = 0; i < 3; ++i) {
    pass(milliseconds(2));
    commit();
    EXPECT_FALSE(has_all(standby));
  }
  pass(milliseconds(3));
  EXPECT_FALSE(has_all(standby)) << "9 ms after the last time";
  pass(milliseconds(1));
  EXPECT_TRUE(has_all(standby));
  EXPECT_EQ(messages(standby), before + 1);
}

TEST_F(SendDelayTest, TheTimeCountsFromWhenWalWasLetGoLast) {
  Standby& standby = live(/*patient=*/true);
  pass(milliseconds(5));
  commit();
  pass(milliseconds(5));
  EXPECT_TRUE(has_all(standby));
  pass(milliseconds(9));
  commit();
  EXPECT_FALSE(has_all(standby));
  pass(milliseconds(1));
  EXPECT_TRUE(has_all(standby));
}

TEST_F(SendDelayTest, OthersAreNotKeptWaiting) {
  Standby& patient = live(/*patient=*/true);
  Standby& prompt = live(/*patient=*/false);
  commit();
  EXPECT_TRUE(has_all(prompt));
  EXPECT_FALSE(has_all(patient));
  pass(kDelay);
  EXPECT_TRUE(has_all(patient));
}

TEST_F(SendDelayTest, WithoutADelayAllGoesOutAtOnce) {
  Standby& standby = live(/*patient=*/true);
  rig.queue.set_gather_time(Duration::zero());
  for (int i = 0; i < 3; ++i) {
    commit();
    EXPECT_TRUE(has_all(standby));
  }
}

// A commit that waits when the delay is made shorter goes out with the next one.
TEST_F(SendDelayTest, AShorterDelayHoldsFromTheNextWalOn) {
  Standby& standby = live(/*patient=*/true);
  commit();
  rig.queue.set_gather_time(milliseconds(1));
  pass(milliseconds(1));
  EXPECT_FALSE(has_all(standby));
  commit();
  EXPECT_TRUE(has_all(standby));
  commit();
  pass(milliseconds(1));
  EXPECT_TRUE(has_all(standby));
}

TEST_F(SendDelayTest, ATimelinesEndIsSentAtOnce) {
  Standby& standby = live(/*patient=*/true);
  commit();
  ASSERT_FALSE(has_all(standby));
  const auto no = rig.identity.segment_size.segment_of(rig.end());
  std::filesystem::copy_file(rig.directory.segment_path(no), rig.path(2, value(no)));
  rig.tail.adopt(
      {*TimelineHistory::parse(TimelineId{2}, runtime::format("1\t{}\tbecause\n", rig.end())), {}});
  rig.tail.publish(rig.end(), rig.end(), rig.clock.now());
  EXPECT_TRUE(rig.turn_until([&] {
    messages(standby);
    return standby.kinds().back() == 'c';
  }));
  EXPECT_TRUE(has_all(standby));
}

TEST_F(SendDelayTest, AStandbysEndIsAnsweredAtOnce) {
  Standby& standby = live(/*patient=*/true);
  commit();
  standby.sender.on_copy_done();
  rig.loop.turn_for_test();
  EXPECT_TRUE(standby.ended);
}

TEST_F(SendDelayTest, AServerThatStopsSendsAllThereIsAtOnce) {
  Standby& standby = live(/*patient=*/true);
  commit();
  standby.sender.shut_down();
  rig.loop.turn_for_test();
  EXPECT_TRUE(has_all(standby));
  commit();
  EXPECT_TRUE(has_all(standby)) << "what comes while it drains is not gathered";
  const std::string all = status_body(rig.end(), rig.end(), rig.end());
  ASSERT_TRUE(standby.sender.on_copy_data(as_bytes(all)).has_value());
  rig.loop.turn_for_test();
  EXPECT_TRUE(standby.drained);
}

TEST_F(SendDelayTest, AStandbyThatAsksIsAnsweredAtOnce) {
  Standby& standby = live(/*patient=*/true);
  commit();
  messages(standby);
  const std::string ask = status_body({}, {}, {}, /*reply_requested=*/true);
  ASSERT_TRUE(standby.sender.on_copy_data(as_bytes(ask)).has_value());
  rig.loop.turn_for_test();
  messages(standby);
  EXPECT_NE(standby.kinds().find('k'), std::string::npos);
}

TEST_F(SendDelayTest, AStandbyThatIsSilentIsAskedAllTheSame) {
  rig.queue.set_gather_time(std::chrono::hours(1));
  Standby& standby = live(/*patient=*/true);
  commit();
  messages(standby);
  pass(std::chrono::seconds(5));
  messages(standby);
  ASSERT_FALSE(standby.messages.empty());
  const auto asked = std::find_if(standby.messages.begin(), standby.messages.end(), [](auto& m) {
    const auto told = keepalive(m);
    return told.has_value() && told->reply_requested;
  });
  EXPECT_NE(asked, standby.messages.end());
}

TEST_F(SendDelayTest, AStandbyThatLeavesWhileWalIsGatheredIsNotMissed) {
  live(/*patient=*/true);
  Standby& other = live(/*patient=*/true);
  commit();
  rig.standbys.erase(rig.standbys.begin());
  pass(kDelay);
  EXPECT_TRUE(has_all(other));
}

TEST_F(SendDelayTest, TheTimeWaitedIsAStageOfItsOwn) {
  Standby& standby = live(/*patient=*/true);
  const auto before = rig.view.stages().snapshot(rig.clock.now())->all;
  pass(milliseconds(4));
  commit();
  pass(milliseconds(4));
  commit();
  EXPECT_EQ(figure(standby, Stage::kGathered).pending, milliseconds(4));
  EXPECT_EQ(figure(standby, Stage::kSent).pending, Duration::zero());
  pass(milliseconds(2));
  ASSERT_TRUE(has_all(standby));
  EXPECT_EQ(figure(standby, Stage::kGathered).max, milliseconds(6));
  EXPECT_EQ(figure(standby, Stage::kSent).max, Duration::zero());
  auto after = rig.view.stages().snapshot(rig.clock.now())->all;
  const auto& gathered = after.stages.at(index_of(Stage::kGathered));
  EXPECT_EQ(gathered.sum() - before.stages.at(index_of(Stage::kGathered)).sum(), 8'000'000u);
  EXPECT_EQ(gathered.count() - before.stages.at(index_of(Stage::kGathered)).count(), 2u);
  EXPECT_EQ(after.gathered_sends - before.gathered_sends, 1u);
  EXPECT_EQ(after.server.sum() - before.server.sum(), 8'000'000u) << "stages add up";
}

TEST_F(SendDelayTest, OfAStandbyThatIsNotKeptWaitingNothingIsGathered) {
  Standby& standby = live(/*patient=*/false);
  commit();
  EXPECT_EQ(figure(standby, Stage::kGathered).count, 0u);
  EXPECT_EQ(rig.view.stages().snapshot(rig.clock.now())->all.gathered_sends, 0u);
}

// What was gathered meets a full socket: each has its own part of the time.
TEST_F(SendDelayTest, AFullSocketIsNotTakenForTheDelay) {
  Standby& standby = live(/*patient=*/true, /*send_buffer_bytes=*/4096);
  commit(500'000);
  pass(kDelay);
  ASSERT_TRUE(standby.connection.blocked());
  pass(milliseconds(70));
  EXPECT_EQ(figure(standby, Stage::kSent).pending, milliseconds(80));
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  rig.loop.turn_for_test();
  EXPECT_EQ(figure(standby, Stage::kGathered).max, kDelay);
  EXPECT_EQ(figure(standby, Stage::kSent).max, milliseconds(70));
  EXPECT_EQ(standby.sender.delivery().socket_full.delayed, milliseconds(70));
}

// Nothing is gathered for a standby while its socket is full.
TEST_F(SendDelayTest, TheDelayIsNotTakenForAFullSocket) {
  Standby& standby = live(/*patient=*/true, /*send_buffer_bytes=*/4096);
  pass(kDelay);
  commit(500'000);
  ASSERT_TRUE(standby.connection.blocked());
  pass(kDelay);
  commit();
  pass(milliseconds(70));
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  rig.loop.turn_for_test();
  EXPECT_EQ(figure(standby, Stage::kGathered).max, Duration::zero());
  EXPECT_EQ(figure(standby, Stage::kSent).max, milliseconds(80));
}

}  // namespace

}  // namespace tests
