#include "server/stream/sender.h"

#include <gtest/gtest.h>

#include "server/stream/errors.h"
#include "tests/stream/sender_rig.h"

namespace tests {

using server::stream::kChunkBytesMax;
using server::stream::Sender;
using server::wal::Lsn;
using server::wal::TimelineId;

namespace {

constexpr std::uint64_t kMb = 1 << 20;
constexpr TimelineId kFirst{1};

// How a message's WAL gets into the socket.
struct Path {
  const char* name;
  std::uint32_t copy_bytes_max;
  bool copy_always;
};

class SenderPathTest : public ::testing::TestWithParam<Path> {
 protected:
  Sender::Options options() const { return {.copy_bytes_max = GetParam().copy_bytes_max}; }
  SenderPathTest() {
    if (GetParam().copy_always) rig.tail.hold_from(Lsn::max());
  }
  SenderRig rig;
};

INSTANTIATE_TEST_SUITE_P(Paths, SenderPathTest,
                         ::testing::Values(Path{"copy", kChunkBytesMax, false},
                                           Path{"sendfile", 0, false},
                                           Path{"threshold", 16 * 1024, false},
                                           Path{"copy_always", 16 * 1024, true}),
                         [](const auto& path) { return path.param.name; });

TEST_P(SenderPathTest, AStandbyGetsEveryByteFromItsStartToTheEnd) {
  rig.fill(6 * kMb);
  Standby& standby = rig.add(options());
  standby.sender.start(kFirst, rig.begin());
  EXPECT_EQ(standby.sender.state(), Sender::State::kCatchup);
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), rig.end()));
  rig.loop.turn_for_test();
  EXPECT_EQ(standby.sender.state(), Sender::State::kStreaming);
  EXPECT_EQ(standby.sender.bytes_sent(), rig.end() - rig.begin());
}

TEST_P(SenderPathTest, AnyStartWithinARecordWillDo) {
  rig.fill(3 * kMb);
  const Lsn start = rig.begin() + kMb + 12'345;
  Standby& standby = rig.add(options());
  standby.sender.start(kFirst, start);
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  EXPECT_EQ(standby.wal(), rig.wal(start, rig.end()));
}

TEST_P(SenderPathTest, ASocketThatTakesLittleAtATimeGetsTheSameBytes) {
  rig.fill(2 * kMb);
  Standby& standby = rig.add(options(), /*send_buffer_bytes=*/4096);
  standby.sender.start(kFirst, rig.begin());
  std::uint32_t step = 0;
  ASSERT_TRUE(rig.turn_until([&] {
    while (standby.receive(1 + (step += 977) % 5000)) {
    }
    return standby.sender.sent() == rig.end() &&
           standby.sender.state() == Sender::State::kStreaming;
  }));
  while (standby.receive()) {
  }
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), rig.end()));
}

TEST_P(SenderPathTest, MessagesEndAtAPageOrAtTheEndAndTellWhereThatIs) {
  rig.fill(kMb + 5000);
  Standby& standby = rig.add(options());
  standby.sender.start(kFirst, rig.begin() + 8);
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  for (const Message& message : standby.messages) {
    const auto data = xlog_data(message);
    ASSERT_TRUE(data.has_value());
    const Lsn end = data->begin + data->wal.size();
    EXPECT_TRUE(end == rig.end() || end.page_offset() == 0) << end.value();
    EXPECT_LE(data->wal.size(), kChunkBytesMax);
    EXPECT_EQ(data->wal_end, rig.end());
    EXPECT_EQ(data->sent_at, server::wire::to_pg_timestamp(rig.clock.wall_now()));
  }
}

TEST_P(SenderPathTest, LiveWalGoesOutInTheTurnThatItComes) {
  rig.fill(100'000);
  Standby& standby = rig.add(options());
  standby.sender.start(kFirst, rig.end());
  rig.loop.turn_for_test();
  EXPECT_FALSE(standby.receive());
  const Lsn from = rig.end();
  // The first span opens the file.
  rig.grow(5000);
  rig.publish();
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  for (int i = 0; i < 5; ++i) {
    rig.grow(i % 2 == 0 ? 100 : 60'000);
    rig.publish();
    rig.loop.turn_for_test();
    while (standby.receive()) {
    }
  }
  EXPECT_EQ(standby.wal(), rig.wal(from, rig.end()));
}

// What was not sent of a blocked message was queued behind a keepalive that had come in between.
TEST_P(SenderPathTest, AKeepaliveComesBehindTheMessageThatIsBlocked) {
  rig.fill(kMb);
  Standby& standby = rig.add(options(), /*send_buffer_bytes=*/4096);
  standby.sender.start(kFirst, rig.begin());
  std::uint32_t step = 0;
  ASSERT_TRUE(rig.turn_until([&] {
    if (standby.connection.blocked()) {
      rig.clock.advance(server::stream::Keepalive::kAnswerInterval);
      const auto asked = standby.sender.on_copy_data(as_bytes(status_body({}, {}, {}, true)));
      EXPECT_TRUE(asked.has_value());
    }
    standby.receive(1 + (step += 977) % 9000);
    return standby.sender.state() == Sender::State::kStreaming;
  }));
  while (standby.receive()) {
  }
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), rig.end()));
  EXPECT_NE(standby.kinds().find("wk"), std::string::npos);
  EXPECT_EQ(standby.kinds().find_first_not_of("wk"), std::string::npos);
}

TEST_P(SenderPathTest, CopyDoneOfABlockedStandbyIsAnsweredBehindTheMessage) {
  rig.fill(kMb);
  Standby& standby = rig.add(options(), /*send_buffer_bytes=*/4096);
  standby.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.turn_until([&] { return standby.connection.blocked(); }));
  const Lsn sent = standby.sender.sent();
  standby.sender.on_copy_done();
  rig.loop.turn_for_test();
  EXPECT_FALSE(standby.ended);
  ASSERT_TRUE(rig.turn_until([&] {
    standby.receive();
    return standby.ended;
  }));
  standby.connection.flush();
  while (standby.receive()) {
  }
  EXPECT_FALSE(standby.next.has_value());
  EXPECT_EQ(standby.kinds().back(), 'c');
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), sent)) << "no message was begun after CopyDone";
}

TEST_P(SenderPathTest, AnInterruptEndsTheStreamBetweenTwoMessages) {
  rig.fill(kMb);
  Standby& standby = rig.add(options(), /*send_buffer_bytes=*/4096);
  standby.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.turn_until([&] { return standby.connection.blocked(); }));
  const Lsn sent = standby.sender.sent();
  standby.sender.interrupt();
  rig.loop.turn_for_test();
  EXPECT_FALSE(standby.interrupted);
  ASSERT_TRUE(rig.turn_until([&] {
    standby.receive();
    return standby.interrupted;
  }));
  while (standby.receive()) {
  }
  EXPECT_FALSE(standby.sender.active());
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), sent));
}

}  // namespace

TEST(SenderTest, InterruptAndCopyDoneWhileItWaitsForASliceEndAtOnce) {
  SenderRig rig;
  rig.fill(5 * kMb);
  Standby& interrupted = rig.add();
  Standby& done = rig.add();
  for (Standby* standby : {&interrupted, &done}) {
    standby->sender.start(kFirst, rig.begin());
    ASSERT_EQ(standby->sender.pump(), Sender::PumpResult::kWaiting);
  }
  interrupted.sender.interrupt();
  done.sender.on_copy_done();
  rig.loop.turn_for_test();
  EXPECT_TRUE(interrupted.interrupted);
  EXPECT_TRUE(done.ended);
  done.connection.flush();
  done.receive();
  EXPECT_EQ(done.kinds(), "c");
}

TEST(SenderTest, AKeepaliveDoesNotWaitForTheSliceThatTheSenderWaitsFor) {
  SenderRig rig;
  rig.fill(5 * kMb);
  rig.directory.flip(rig.begin() + 100'000);
  Standby& standby = rig.add();
  standby.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.turn_until([&] { return standby.receive(); }));
  const Lsn stopped = standby.sender.sent();
  ASSERT_TRUE(standby.sender.on_copy_data(as_bytes(status_body({}, {}, {}, true))).has_value());
  rig.loop.turn_for_test();
  ASSERT_TRUE(standby.receive());
  const auto answer = keepalive(standby.messages.back());
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->wal_end, stopped);
  EXPECT_FALSE(answer->reply_requested);
}

TEST(SenderTest, AMissingSegmentFailsTheStreamBetweenTwoMessages) {
  SenderRig rig;
  rig.fill(6 * kMb);
  rig.directory.remove(rig.segment(2));
  Standby& standby = rig.add();
  standby.sender.start(kFirst, rig.begin() + kMb + 5);
  ASSERT_TRUE(rig.turn_until([&] { return standby.failure.has_value(); }));
  EXPECT_EQ(standby.failure->kind->code, "58P01");
  EXPECT_EQ(standby.failure->what,
            "requested WAL segment 000000010000000000000002 has already been removed");
  EXPECT_FALSE(standby.sender.active());
}

TEST(SenderTest, FeedbackIsStoredAlsoWhenItGoesBackOrBeyond) {
  SenderRig rig;
  rig.fill(5000);
  Standby& standby = rig.add();
  standby.sender.start(kFirst, rig.end());
  for (const std::uint64_t position : {500u, 20u, 1u << 30}) {
    const auto body = status_body(Lsn(position), Lsn(position - 1), Lsn(position - 2));
    ASSERT_TRUE(standby.sender.on_copy_data(as_bytes(body)).has_value());
    EXPECT_EQ(standby.sender.feedback().write, Lsn(position));
    EXPECT_EQ(standby.sender.feedback().flush, Lsn(position - 1));
    EXPECT_EQ(standby.sender.feedback().apply, Lsn(position - 2));
  }
}

TEST(SenderTest, HotStandbyFeedbackIsItsOwnersAffair) {
  SenderRig rig;
  rig.fill(50'000);
  Standby& standby = rig.add();
  standby.sender.start(kFirst, rig.begin());
  const auto body = server::wire::encode_hot_standby_feedback(
      {.send_time = 4, .xmin = 700, .xmin_epoch = 1, .catalog_xmin = 0, .catalog_xmin_epoch = 0});
  ASSERT_TRUE(standby.sender.on_copy_data(body).has_value());
  ASSERT_TRUE(standby.feedback.has_value());
  EXPECT_EQ(standby.feedback->xmin, 700u);
  EXPECT_EQ(standby.feedback->xmin_epoch, 1u);
  EXPECT_EQ(standby.sender.feedback().reply_time, 4);
}

TEST(SenderTest, StandbyMessagesThatAreNoneAreErrors) {
  SenderRig rig;
  rig.fill(5000);
  Standby& standby = rig.add();
  standby.sender.start(kFirst, rig.end());
  EXPECT_EQ(standby.sender.on_copy_data({}).error().what, "no data left in message");
  EXPECT_EQ(standby.sender.on_copy_data(as_bytes("r123")).error().what,
            "insufficient data left in message");
  EXPECT_EQ(standby.sender.on_copy_data(as_bytes("z")).error().kind,
            &server::stream::kUnknownStandbyMessage);
}

TEST(SenderTest, APeerThatAsksAndDoesNotReadCostsABoundedQueue) {
  SenderRig rig;
  rig.fill(kMb);
  Standby& standby = rig.add({}, /*send_buffer_bytes=*/4096);
  standby.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.turn_until([&] { return standby.connection.blocked(); }));
  const std::string ask = status_body({}, {}, {}, true);
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(standby.sender.on_copy_data(as_bytes(ask)).has_value());
  }
  EXPECT_LE(standby.connection.queued_bytes(), 80u * 1024);
}

TEST(SenderTest, APeerThatGoesWhileItIsSentToEndsTheStreamWithoutALogLine) {
  SenderRig rig;
  rig.fill(kMb);
  Standby& standby = rig.add({}, /*send_buffer_bytes=*/4096);
  standby.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.turn_until([&] { return standby.connection.blocked(); }));
  ::shutdown(standby.peer_fd, SHUT_RD);
  ASSERT_TRUE(rig.turn_until([&] {
    standby.receive();
    return standby.lost.has_value();
  }));
  EXPECT_EQ(*standby.lost, "");
}

TEST(SenderTest, ASecondStreamMayFollowTheFirst) {
  SenderRig rig;
  rig.fill(50'000);
  Standby& standby = rig.add();
  standby.sender.start(kFirst, rig.begin());
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  standby.sender.on_copy_done();
  rig.loop.turn_for_test();
  ASSERT_TRUE(standby.ended);
  EXPECT_EQ(standby.sender.state(), Sender::State::kStartup);
  standby.connection.flush();
  while (standby.receive()) {
  }
  standby.messages.clear();
  standby.sender.start(kFirst, rig.begin() + 100);
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin() + 100, rig.end()));
}

}  // namespace tests
