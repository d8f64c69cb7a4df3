#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/fd.h"
#include "server/stream/chunk.h"
#include "tests/stream/sender_rig.h"
#include "tests/support/bytes.h"

// Pages that a sender has handed to its socket, where files may be recycled; and standbys that are
// ahead of the WAL that there is.

namespace tests {

using server::stream::Sender;
using server::wal::Lsn;
using server::wal::TimelineId;

namespace {

constexpr std::uint64_t kMb = 1 << 20;
constexpr TimelineId kFirst{1};

struct SenderPagesTest : ::testing::Test {
  SenderPagesTest() {
    rig.segments.pins().heed();
    rig.segments.pins().reset(rig.begin());
    rig.fill(3 * kMb);
  }
  // One that is blocked, with WAL in its socket that the standby has not read.
  Standby& blocked(std::uint32_t copy_bytes_max = 0, int send_buffer_bytes = 65'536) {
    Standby& standby = rig.add({.copy_bytes_max = copy_bytes_max}, send_buffer_bytes);
    standby.sender.start(kFirst, rig.begin());
    EXPECT_TRUE(rig.turn_until([&] { return standby.connection.blocked(); }));
    return standby;
  }
  static void report(Standby& standby, Lsn position) {
    const auto body = status_body(position, position, Lsn(), false);
    ASSERT_TRUE(standby.sender.on_copy_data(as_bytes(body)).has_value());
  }
  Lsn horizon() { return rig.segments.pins().advance(rig.end()); }
  void hold_from(Lsn lsn) {
    rig.tail.hold_from(lsn);
    rig.tail.announce(rig.clock.now());
    rig.loop.turn_for_test();
  }

  SenderRig rig;
};

TEST_F(SenderPagesTest, WhatHasArrivedAndWasAcknowledgedIsNotPinned) {
  Standby& standby = blocked();
  EXPECT_EQ(horizon(), rig.begin());
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  EXPECT_EQ(horizon(), rig.begin()) << "it may ask for it again";
  report(standby, rig.begin() + kMb);
  EXPECT_EQ(horizon(), rig.begin() + kMb);
  report(standby, rig.end());
  EXPECT_EQ(horizon(), rig.end());
}

TEST_F(SenderPagesTest, WhatIsInTheSocketIsPinnedWhateverTheStandbySays) {
  Standby& standby = blocked();
  report(standby, rig.end());
  EXPECT_LT(horizon(), standby.sender.sent());
  EXPECT_GT(rig.segments.pins().advance(rig.end()) + 2 * kMb, rig.begin());
}

TEST_F(SenderPagesTest, PagesOfFilesThatAreNotHeldAnyMoreAreNotDelivered) {
  Standby& standby = blocked();
  hold_from(rig.begin());
  EXPECT_FALSE(standby.lost.has_value());
  hold_from(Lsn::max());
  ASSERT_TRUE(standby.lost.has_value());
  EXPECT_EQ(*standby.lost,
            "terminating walsender process: its WAL may be overwritten before it arrives");
}

// As when a PostgreSQL server starts on a directory that had none. The close resets the connection.
TEST(SenderPagesWithoutPinsTest, PagesThatAreNotHeldAnyMoreAreTakenBack) {
  SenderRig rig;
  rig.fill(3 * kMb);
  Standby& standby = rig.add({.copy_bytes_max = 0}, 65'536);
  standby.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.turn_until([&] { return standby.connection.blocked(); }));
  const runtime::UniqueFd same_socket(::dup(standby.connection.fd()));
  rig.tail.hold_from(Lsn::max());
  rig.tail.announce(rig.clock.now());
  rig.loop.turn_for_test();
  ASSERT_TRUE(standby.lost.has_value());
  standby.connection.close();
  linger closing{};
  socklen_t size = sizeof(closing);
  ASSERT_EQ(::getsockopt(same_socket.get(), SOL_SOCKET, SO_LINGER, &closing, &size), 0);
  EXPECT_EQ(closing.l_onoff, 1);
  EXPECT_EQ(closing.l_linger, 0);
}

TEST_F(SenderPagesTest, WhatWasCopiedArrivesAndTheRestIsCopiedFromThenOn) {
  Standby& standby = blocked(server::stream::kChunkBytesMax);
  hold_from(Lsn::max());
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  EXPECT_FALSE(standby.lost.has_value());
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), rig.end()));
}

// Were the rest of the message queued behind the keepalive, that would be in the middle of it.
TEST_F(SenderPagesTest, AKeepaliveStaysBehindAMessageWhoseFileIsNotHeldAnyMore) {
  Standby& standby = blocked(server::stream::kChunkBytesMax, /*send_buffer_bytes=*/4096);
  const auto asked = standby.sender.on_copy_data(as_bytes(status_body({}, {}, {}, true)));
  ASSERT_TRUE(asked.has_value());
  hold_from(Lsn::max());
  ASSERT_TRUE(rig.turn_until([&] {
    standby.receive();
    return standby.sender.state() == Sender::State::kStreaming;
  }));
  while (standby.receive()) {
  }
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), rig.end()));
  EXPECT_EQ(standby.kinds().substr(0, 2), "wk");
  EXPECT_EQ(standby.kinds().find_first_not_of("wk"), std::string::npos);
}

TEST_F(SenderPagesTest, PagesThatHaveArrivedNeedNoHold) {
  Standby& standby = rig.add({.copy_bytes_max = 0});
  standby.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  hold_from(Lsn::max());
  EXPECT_FALSE(standby.lost.has_value());
}

TEST_F(SenderPagesTest, APinOutlivesItsStreamUntilThePagesHaveArrived) {
  Standby& standby = blocked();
  standby.sender.stop();
  EXPECT_EQ(horizon(), rig.begin());
  while (standby.receive()) {
  }
  rig.clock.advance(std::chrono::seconds(1));
  rig.loop.turn_for_test();
  EXPECT_EQ(horizon(), rig.end());
}

// They are older than anything that the new stream has sent, however much that is.
TEST_F(SenderPagesTest, PagesOfTheStreamBeforeStayPinned) {
  Standby& standby = blocked();
  standby.sender.stop();
  standby.sender.start(kFirst, rig.end());
  report(standby, rig.end());
  EXPECT_EQ(horizon(), rig.begin());
  hold_from(rig.begin() + kMb);
  EXPECT_TRUE(standby.lost.has_value());
}

TEST_F(SenderPagesTest, AStandbyThatStartsBehindWhatIsHeldGetsCopies) {
  rig.segments.pins().reset(rig.begin() + kMb);
  Standby& standby = blocked();
  hold_from(Lsn::max());
  EXPECT_FALSE(standby.lost.has_value()) << "no pages are in its socket";
  hold_from(rig.begin() + kMb);
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), rig.end()));
}

TEST_F(SenderPagesTest, AStandbyThatIsAheadIsHeldUntilItsWalHasCome) {
  const Lsn ahead = rig.end();
  rig.grow(5000);
  Standby& standby = rig.add();
  rig.tail.promise(rig.end());
  rig.tail.announce(rig.clock.now());
  rig.loop.turn_for_test();
  const Lsn start = rig.end();
  ASSERT_GT(start, ahead);
  standby.sender.start(kFirst, start);
  rig.loop.turn_for_test();
  rig.publish();
  rig.loop.turn_for_test();
  EXPECT_FALSE(standby.failure.has_value());
  EXPECT_FALSE(standby.receive()) << "it has this WAL";
  rig.grow(5000);
  rig.publish();
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  EXPECT_EQ(standby.wal(), rig.wal(start, rig.end()));
}

// A sum with its position would wrap round, and it would be pumped in every turn.
TEST_F(SenderPagesTest, AStandbyThatIsAsFarAheadAsCanBeCostsNoTurns) {
  Standby& standby = rig.add();
  rig.tail.promise(Lsn(Lsn::max().value() - 1));
  rig.tail.announce(rig.clock.now());
  rig.loop.turn_for_test();
  standby.sender.start(kFirst, Lsn(Lsn::max().value() - 1));
  EXPECT_EQ(standby.sender.pump(), Sender::PumpResult::kCaughtUp);
}

// It had been sent nothing, and was asked for ever to confirm it.
TEST_F(SenderPagesTest, AStandbyThatWaitsAheadHoldsUpNoShutdown) {
  Standby& standby = rig.add();
  rig.tail.promise(Lsn::max());
  rig.tail.announce(rig.clock.now());
  rig.loop.turn_for_test();
  standby.sender.start(kFirst, rig.end() + kMb);
  rig.loop.turn_for_test();
  standby.sender.shut_down();
  rig.loop.turn_for_test();
  EXPECT_TRUE(standby.drained);
}

TEST_F(SenderPagesTest, AStandbyThatIsAheadOfAllWalIsToldWhenThatIsKnown) {
  Standby& standby = rig.add();
  rig.tail.promise(Lsn::max());
  rig.tail.announce(rig.clock.now());
  rig.loop.turn_for_test();
  const Lsn start = rig.end() + rig.identity.segment_size.bytes();
  standby.sender.start(kFirst, start);
  rig.loop.turn_for_test();
  EXPECT_FALSE(standby.failure.has_value()) << "a crash may have taken that much from us";
  rig.tail.promise(start - 1);
  rig.tail.announce(rig.clock.now());
  rig.loop.turn_for_test();
  ASSERT_TRUE(standby.failure.has_value());
  EXPECT_EQ(standby.failure->what, "requested starting point " + to_string(start) +
                                       " is ahead of the WAL flush position of this server " +
                                       to_string(rig.end()));
}

}  // namespace
}  // namespace tests
