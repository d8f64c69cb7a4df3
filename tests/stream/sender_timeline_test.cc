#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "server/stream/errors.h"
#include "server/wal/names.h"
#include "tests/stream/sender_rig.h"

// A timeline that ends, before the standby asked for it or while it streams.

namespace tests {

using server::stream::Sender;
using server::wal::Lsn;
using server::wal::SegmentNo;
using server::wal::TimelineHistory;
using server::wal::TimelineId;

namespace {

constexpr std::uint64_t kMb = 1 << 20;
constexpr TimelineId kFirst{1};
constexpr TimelineId kSecond{2};

struct TimelineTest : ::testing::Test {
  // Timeline 2 forks from 1 at `fork`, in whose segment its file begins as a copy of the first's.
  void promote(Lsn fork) { promote(fork, fork); }
  // The same, while no WAL is known beyond `end`.
  void promote(Lsn fork, Lsn end) {
    const SegmentNo no = rig.identity.segment_size.segment_of(fork);
    const std::string from = rig.directory.segment_path(no);
    std::filesystem::copy_file(
        from, rig.directory.path() + "/" +
                  server::wal::segment_name(kSecond, no, rig.identity.segment_size));
    const auto text = runtime::format("1\t{}\tbecause\n", fork);
    rig.tail.adopt({*TimelineHistory::parse(kSecond, text), {}});
    rig.tail.publish(end, end, rig.clock.now());
  }
  void turn_and_receive() {
    for (int i = 0; i < 3; ++i) rig.loop.turn_for_test();
    while (standby.receive()) {
    }
  }

  SenderRig rig;
  Standby& standby = rig.add({.timeout = std::chrono::seconds(10)});
};

TEST_F(TimelineTest, AHistoricTimelineIsSentToItsEndAndThenCopyDone) {
  rig.fill(500'000);
  promote(rig.begin() + 300'000);
  rig.view.take_spans();
  standby.sender.start(kFirst, rig.begin() + 100);
  ASSERT_TRUE(rig.stream_to(standby, rig.begin() + 300'000));
  turn_and_receive();
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin() + 100, rig.begin() + 300'000));
  EXPECT_EQ(standby.kinds().back(), 'c');
  EXPECT_FALSE(standby.ended) << "the standby's CopyDone is awaited";

  standby.sender.on_copy_done();
  ASSERT_TRUE(standby.ended);
  ASSERT_TRUE(standby.next.has_value());
  EXPECT_EQ(standby.next->timeline, kSecond);
  EXPECT_EQ(standby.next->begin, rig.begin() + 300'000);
}

// libpq takes nothing after a CopyDone.
TEST_F(TimelineTest, NothingFollowsOurCopyDone) {
  rig.fill(100'000);
  promote(rig.begin() + 50'000);
  rig.view.take_spans();
  standby.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.stream_to(standby, rig.begin() + 50'000));
  turn_and_receive();
  ASSERT_EQ(standby.kinds(), "wc");
  const auto ask = status_body({}, {}, {}, /*reply_requested=*/true);
  ASSERT_TRUE(standby.sender.on_copy_data(as_bytes(ask)).has_value());
  turn_and_receive();
  rig.clock.advance(std::chrono::seconds(5));
  turn_and_receive();
  EXPECT_EQ(standby.kinds(), "wc");
  rig.clock.advance(std::chrono::seconds(5));
  turn_and_receive();
  EXPECT_TRUE(standby.lost.has_value()) << "but it does not wait for ever";
}

TEST_F(TimelineTest, AStandbyThatStopsEarlyIsToldOfTheNextTimelineAsWell) {
  rig.fill(500'000);
  promote(rig.begin() + 300'000);
  rig.view.take_spans();
  standby.sender.start(kFirst, rig.begin());
  standby.sender.on_copy_done();
  turn_and_receive();
  ASSERT_TRUE(standby.ended);
  ASSERT_TRUE(standby.next.has_value());
  EXPECT_EQ(standby.next->timeline, kSecond);
}

TEST_F(TimelineTest, ALiveStreamEndsWhereItsTimelineDoes) {
  rig.fill(100'000);
  standby.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  promote(rig.end());
  turn_and_receive();
  EXPECT_EQ(standby.kinds(), "wc");
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), rig.end()));
}

// A segment of the next timeline may be there before all that leads to its fork. The sender went
// round and round with messages of no length.
TEST_F(TimelineTest, AHistoricTimelineWhoseEndHasNotComeIsWaitedFor) {
  rig.fill(500'000);
  const Lsn known = rig.end();
  rig.grow(kMb);
  const Lsn fork = rig.end();
  promote(fork, known);
  rig.view.take_spans();
  standby.sender.start(kFirst, rig.begin() + 100);
  ASSERT_TRUE(rig.stream_to(standby, known));
  turn_and_receive();
  EXPECT_EQ(standby.sender.sent(), known);
  EXPECT_EQ(standby.sender.state(), Sender::State::kStreaming);
  EXPECT_EQ(standby.kinds().find_first_not_of('w'), std::string::npos) << standby.kinds();

  rig.tail.publish(known, fork, rig.clock.now());
  ASSERT_TRUE(rig.stream_to(standby, fork));
  turn_and_receive();
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin() + 100, fork));
  EXPECT_EQ(standby.kinds().back(), 'c');
}

// It was live, and has all that there is.
TEST_F(TimelineTest, AForkThatIsStillAheadEndsNoLiveStream) {
  rig.fill(100'000);
  standby.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  const Lsn known = rig.end();
  rig.grow(100'000);
  promote(rig.end(), known);
  turn_and_receive();
  EXPECT_EQ(standby.kinds(), "w");
  rig.tail.publish(known, rig.end(), rig.clock.now());
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  turn_and_receive();
  EXPECT_EQ(standby.kinds(), "wwc");
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), rig.end()));
}

TEST_F(TimelineTest, AStandbyAheadOfAHistoricTimelinesWalIsTold) {
  rig.fill(100'000);
  const Lsn known = rig.end();
  rig.grow(100'000);
  promote(rig.end(), known);
  rig.view.take_spans();
  standby.sender.start(kFirst, known + 8);
  turn_and_receive();
  ASSERT_TRUE(standby.failure.has_value());
  EXPECT_EQ(standby.failure->what, server::stream::ahead_of_wal(known + 8, known).what);
}

// pg_receivewal pads a file with zeros before it fills it. They were sent.
TEST_F(TimelineTest, WhatIsStillMissingBeforeTheForkIsNotSent) {
  rig.fill(500'000);
  const Lsn fork = rig.end();
  promote(fork);
  const std::string name =
      server::wal::segment_name(kSecond, SegmentNo{1}, rig.identity.segment_size);
  const std::string path = rig.directory.path() + "/" + name;
  const std::string whole = rig.wal(rig.begin(), rig.begin() + kMb);
  std::filesystem::resize_file(path, 200'000);
  std::filesystem::resize_file(path, kMb);
  rig.view.take_spans();
  standby.sender.start(kSecond, rig.begin());
  ASSERT_TRUE(rig.turn_until([&] { return standby.receive(); }));
  turn_and_receive();
  EXPECT_LE(standby.sender.sent(), rig.begin() + 200'000);

  std::fstream(path, std::ios::binary | std::ios::in | std::ios::out) << whole;
  rig.view.retry_stopped();
  ASSERT_TRUE(rig.stream_to(standby, fork));
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), fork));
}

TEST_F(TimelineTest, AStandbyBeyondTheForkIsSentNoMore) {
  rig.fill(100'000);
  standby.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  promote(rig.begin() + 50'000);
  turn_and_receive();
  EXPECT_EQ(standby.kinds(), "wc");
  standby.sender.on_copy_done();
  EXPECT_EQ(standby.next->begin, rig.begin() + 50'000);
}

TEST_F(TimelineTest, AForkWhileAMessageIsInFlightLetsItOutFirst) {
  Standby& slow = rig.add({.copy_bytes_max = 0}, /*send_buffer_bytes=*/4096);
  rig.fill(400'000);
  slow.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.turn_until([&] { return slow.connection.blocked(); }));
  const Lsn sent = slow.sender.sent();
  promote(sent - 1000);
  ASSERT_TRUE(rig.turn_until([&] {
    slow.receive();
    return !slow.messages.empty() && slow.messages.back().type == 'c';
  }));
  EXPECT_EQ(slow.wal(), rig.wal(rig.begin(), sent));
}

TEST_F(TimelineTest, AForkWhileItWaitsForASliceIsNoticed) {
  rig.fill(5 << 20);
  standby.sender.start(kFirst, rig.begin());
  ASSERT_EQ(standby.sender.pump(), Sender::PumpResult::kWaiting);
  promote(rig.begin() + 300'000);
  ASSERT_TRUE(rig.stream_to(standby, rig.begin() + 300'000));
  turn_and_receive();
  EXPECT_EQ(standby.kinds().back(), 'c');
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), rig.begin() + 300'000));
}

TEST_F(TimelineTest, TheNewTimelineIsStreamedAcrossTheFork) {
  rig.fill(100'000);
  const Lsn fork = rig.end();
  promote(fork);
  server::wal::WalBuilder second(rig.identity, kSecond, fork, rig.builder.previous_record());
  while (second.end() < fork + 100'000) second.append_noop(filling(3000));
  WalDirectory other(kSecond, rig.identity.segment_size);
  std::filesystem::copy_file(
      rig.directory.path() + "/" +
          server::wal::segment_name(kSecond, SegmentNo{1}, rig.identity.segment_size),
      other.segment_path(SegmentNo{1}));
  other.write(second);
  std::filesystem::copy_file(
      other.segment_path(SegmentNo{1}),
      rig.directory.path() + "/" +
          server::wal::segment_name(kSecond, SegmentNo{1}, rig.identity.segment_size),
      std::filesystem::copy_options::overwrite_existing);
  rig.tail.publish(fork, second.end(), rig.clock.now());
  rig.view.take_spans();
  standby.sender.start(kSecond, rig.begin());
  ASSERT_TRUE(rig.stream_to(standby, second.end()));
  const auto expected = other.read(rig.begin(), second.end());
  EXPECT_EQ(standby.wal(), as_text(expected));
}

}  // namespace

}  // namespace tests
