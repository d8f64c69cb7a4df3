#include <thread>

#include "tests/session/session_rig.h"

// Streams as a client sees them: how they begin, what it may say meanwhile, how they end.

namespace tests {

using server::wal::Lsn;

namespace {

struct StreamingTest : SessionTest {
  void start(Lsn from) {
    client.send(start_replication(from));
    const Message begun = client.next();
    EXPECT_EQ(begun.type, 'W');
    EXPECT_EQ(begun.body, std::string(3, '\0'));
  }
  // Skips WAL and keepalives.
  Message next_other() {
    for (;;) {
      Message message = client.next();
      if (message.type != 'd') return message;
    }
  }
  void expect_end_of_stream() {
    EXPECT_EQ(next_other().type, 'c');
    EXPECT_EQ(client.next().body, std::string("START_STREAMING\0", 16));
    EXPECT_EQ(client.next().body, std::string("START_REPLICATION\0", 18));
    EXPECT_EQ(client.next().type, 'Z');
  }

  ReadyClient client{server};
};

TEST_F(StreamingTest, WalFromTheStartAndThenAsItComes) {
  const Lsn from = begin();
  start(from);
  EXPECT_EQ(client.wal(end() - from), wal(from, end()));
  for (int i = 0; i < 20; ++i) {
    const Lsn old_end = end();
    server.publish(grow(4000));
    EXPECT_EQ(client.wal(end() - old_end), wal(old_end, end()));
  }
}

// A loop without sessions does not listen to its queue of spans.
TEST_F(SessionTest, ALoopKnowsTheEndOfWalWhenItsFirstSessionComes) {
  for (int i = 0; i < 3; ++i) {
    server.publish(grow(4000));
    ReadyClient client(server);
    const Lsn from = end();
    client.send(start_replication(from));
    EXPECT_EQ(client.next().type, 'W') << "no such WAL is known";
    server.publish(grow(4000));
    EXPECT_EQ(client.wal(end() - from), wal(from, end())) << "no span has woken the loop";
    client.send(client_message('X', ""));
    ASSERT_TRUE(server.wait_for_sessions(0));
  }
}

TEST_F(StreamingTest, CopyDoneEndsItAndTheNextCommandMayBeThereAlready) {
  start(begin());
  client.send(status(begin()) + client_message('c', "") + query("IDENTIFY_SYSTEM"));
  expect_end_of_stream();
  EXPECT_EQ(types_of(client.until('Z')), "TDCZ");
}

TEST_F(StreamingTest, OneStreamMayFollowAnotherWithoutAPause) {
  std::string bytes;
  for (int i = 0; i < 10; ++i) bytes += start_replication(begin()) + client_message('c', "");
  client.send(bytes);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(client.next().type, 'W');
    expect_end_of_stream();
  }
}

TEST_F(StreamingTest, AReplyThatIsAskedForComes) {
  start(end());
  client.send(status(end(), /*reply_requested=*/true));
  const auto answer = keepalive(client.next());
  ASSERT_TRUE(answer.has_value());
  EXPECT_FALSE(answer->reply_requested);
}

TEST_F(StreamingTest, AStandbyMessageThatIsCutOffEndsTheStreamAndNotTheSession) {
  start(end());
  client.send(client_message('d', "r123") + query("IDENTIFY_SYSTEM"));
  const Message error = next_other();
  EXPECT_EQ(field(error, 'S'), "ERROR");
  EXPECT_EQ(field(error, 'M'), "insufficient data left in message");
  EXPECT_EQ(client.next().type, 'Z');
  EXPECT_EQ(types_of(client.until('Z')), "TDCZ");
}

TEST_F(StreamingTest, AnUnknownStandbyMessageClosesWithoutAWord) {
  start(end());
  client.send(client_message('d', "z"));
  EXPECT_TRUE(client.ends());
}

TEST_F(StreamingTest, AnythingElseWithinAStreamIsFatal) {
  for (const char type : {'Q', 'f', 'S', 'H', 'P', 'p'}) {
    ReadyClient other(server);
    other.send(start_replication(end()));
    EXPECT_EQ(other.next().type, 'W');
    other.send(client_message(type, ""));
    const auto last = other.to_end();
    ASSERT_EQ(types_of(last), "E") << type;
    EXPECT_EQ(field(last[0], 'S'), "FATAL");
    EXPECT_EQ(field(last[0], 'C'), "08P01");
    EXPECT_EQ(field(last[0], 'M'), runtime::format("invalid standby message type \"{}\"", type));
  }
}

// Its length is not waited for, and a text ends at a NUL.
TEST_F(StreamingTest, ATypeAloneIsEnoughToBeRefused) {
  for (const auto& [type, shown] : {std::pair('Q', "Q\""), std::pair('\0', "")}) {
    ReadyClient other(server);
    other.send(start_replication(end()));
    EXPECT_EQ(other.next().type, 'W');
    other.send(std::string(1, type));
    const auto last = other.to_end();
    ASSERT_EQ(types_of(last), "E") << type;
    EXPECT_EQ(field(last[0], 'C'), "08P01");
    EXPECT_EQ(field(last[0], 'M'), std::string("invalid standby message type \"") + shown);
  }
}

// The refusal itself would be no text.
TEST_F(StreamingTest, ATypeThatIsNoTextIsRefusedAsSuch) {
  auto parameters = walreceiver_parameters();
  parameters.emplace_back("client_encoding", "UTF8");
  TestClient other(server.port());
  other.send(startup_packet(parameters) + start_replication(end()) + '\xff');
  EXPECT_EQ(other.until('W').back().type, 'W');
  const auto last = other.to_end();
  ASSERT_EQ(types_of(last), "E");
  EXPECT_EQ(field(last[0], 'S'), "FATAL");
  EXPECT_EQ(field(last[0], 'C'), "22021");
  EXPECT_EQ(field(last[0], 'M'), "invalid byte sequence for encoding \"UTF8\": 0xff");
}

TEST_F(StreamingTest, TerminateWithinAStreamCloses) {
  start(end());
  client.send(client_message('X', ""));
  EXPECT_TRUE(client.ends());
}

TEST_F(StreamingTest, AStartBeyondTheEndIsAnErrorAfterTheCopyHasBegun) {
  start(end() + 8);
  const Message error = client.next();
  EXPECT_EQ(field(error, 'M'),
            runtime::format("requested starting point {} is ahead of the WAL flush position of "
                            "this server {}",
                            end() + 8, end()));
  EXPECT_EQ(client.next().type, 'Z');
  EXPECT_EQ(types_of((client.send(query("IDENTIFY_SYSTEM")), client.until('Z'))), "TDCZ");
}

TEST_F(StreamingTest, AMissingSegmentIsAnErrorAndTheSessionGoesOn) {
  start(Lsn(0x100));
  const Message error = client.next();
  EXPECT_EQ(field(error, 'C'), "58P01");
  EXPECT_EQ(field(error, 'M'),
            "requested WAL segment 000000010000000000000000 has already been removed");
  EXPECT_EQ(client.next().type, 'Z');
  start(begin());
  EXPECT_EQ(client.wal(1000).substr(0, 1000), wal(begin(), begin() + 1000));
}

TEST_F(StreamingTest, StatusRepliesShowInTheSession) {
  start(end());
  client.send(status(begin() + 100) + status(begin() + 40, /*reply_requested=*/true));
  EXPECT_TRUE(keepalive(client.next()).has_value());
  const auto sessions = server.sessions();
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_EQ(sessions[0].flush, begin() + 40);
  EXPECT_EQ(sessions[0].state, "streaming");
  EXPECT_EQ(sessions[0].application_name, "walreceiver");
  EXPECT_EQ(sessions[0].lag_bytes, end() - (begin() + 40));
}

TEST_F(StreamingTest, AStreamThatEndsOrFailsLeavesTheStateOfASessionThatHasJustBegun) {
  EXPECT_EQ(server.sessions().at(0).state, "startup");
  start(end());
  client.send(client_message('c', ""));
  EXPECT_EQ(client.until('Z').back().type, 'Z');
  EXPECT_EQ(server.sessions().at(0).state, "startup");
  EXPECT_EQ(server.sessions().at(0).lag_bytes, 0u);
  start(end());
  client.send(client_message('d', "r"));  // a status that is cut off
  EXPECT_EQ(client.until('Z').back().type, 'Z');
  EXPECT_EQ(server.sessions().at(0).state, "startup");
}

// Long input was kept and the queue of answers was full when the stream began, and then nothing
// ever took up reading again.
TEST_F(StreamingTest, AStreamBehindManyAnswersIsReadFrom) {
  ReadyClient slow(server, /*receive_buffer_bytes=*/4096);
  constexpr int kCommands = 1500;
  std::string bytes;
  for (int i = 0; i < kCommands; ++i) bytes += query("SHOW all");
  bytes += start_replication(end()) + status(begin(), /*reply_requested=*/true);
  std::thread sender([&] { slow.send(bytes); });
  for (int i = 0; i < kCommands; ++i) slow.until('Z');
  EXPECT_EQ(slow.next().type, 'W');
  EXPECT_TRUE(keepalive(slow.next()).has_value());
  sender.join();
  slow.send(client_message('c', ""));
  EXPECT_EQ(slow.next().type, 'c');
}

}  // namespace

}  // namespace tests
