#include <chrono>

#include "tests/session/session_rig.h"

namespace tests {

using std::chrono::milliseconds;

namespace {

TestServer::Options with_senders_max(std::int64_t count) {
  TestServer::Options options;
  options.worker.session.max_wal_senders = count;
  return options;
}

struct SendersMaxTest : SessionTest {
  SendersMaxTest() : SessionTest(with_senders_max(2)) {}
};

TEST_F(SendersMaxTest, WhoIsTooManyIsRefusedBeforeAuthentication) {
  ReadyClient first(server);
  ReadyClient second(server);
  TestClient third(server.port());
  third.send(startup_packet(walreceiver_parameters()));
  const auto messages = third.to_end();
  ASSERT_EQ(types_of(messages), "E");
  EXPECT_EQ(field(messages[0], 'S'), "FATAL");
  EXPECT_EQ(field(messages[0], 'C'), "53300");
  EXPECT_EQ(field(messages[0], 'M'),
            "number of requested standby connections exceeds max_wal_senders (currently 2)");
}

TEST_F(SendersMaxTest, WhoGoesMakesRoom) {
  for (int round = 0; round < 5; ++round) {
    ReadyClient first(server);
    ReadyClient second(server);
    first.close();
    ASSERT_TRUE(server.wait_for_sessions(1));
    ReadyClient third(server);
    third.close();
    second.close();
    ASSERT_TRUE(server.wait_for_sessions(0));
  }
}

struct AuthenticationTimeoutTest : SessionTest {
  static TestServer::Options options() {
    TestServer::Options made;
    made.worker.session.authentication_timeout = milliseconds(50);
    return made;
  }
  AuthenticationTimeoutTest() : SessionTest(options()) {}
};

TEST_F(AuthenticationTimeoutTest, WhoDoesNotStartUpInTimeIsCutWithoutAWord) {
  TestClient silent(server.port());
  TestClient slow(server.port());
  slow.send(startup_packet(walreceiver_parameters()).substr(0, 20));
  EXPECT_TRUE(silent.ends());
  EXPECT_TRUE(slow.ends());
}

TEST_F(AuthenticationTimeoutTest, WhoIsReadyIsNot) {
  ReadyClient ready(server);
  TestClient silent(server.port());
  EXPECT_TRUE(silent.ends()) << "which came later";
  ready.send(query("IDENTIFY_SYSTEM"));
  EXPECT_EQ(types_of(ready.until('Z')), "TDCZ");
}

struct SenderTimeoutTest : SessionTest {
  static TestServer::Options options() {
    TestServer::Options made;
    made.worker.session.sender.timeout = milliseconds(60);
    return made;
  }
  SenderTimeoutTest() : SessionTest(options()) {}
};

TEST_F(SenderTimeoutTest, AStandbyThatSaysNothingIsPingedAndCut) {
  ReadyClient client(server);
  client.send(start_replication(end()));
  const auto messages = client.to_end();
  ASSERT_EQ(types_of(messages), "Wd");
  EXPECT_TRUE(keepalive(messages[1])->reply_requested);
}

TEST_F(SenderTimeoutTest, AStandbyMaySetItsOwn) {
  TestClient client(server.port());
  auto parameters = walreceiver_parameters();
  parameters.emplace_back("options", "-c wal_sender_timeout=0");
  client.send(startup_packet(parameters));
  const auto greeting = client.until('Z');
  ASSERT_EQ(greeting.back().type, 'Z') << field(greeting[1], 'M');
  client.send(start_replication(end()));
  EXPECT_EQ(client.next().type, 'W');
  ReadyClient other(server);
  other.send(start_replication(end()));
  other.to_end();
  client.send(status(end(), /*reply_requested=*/true));
  EXPECT_FALSE(keepalive(client.next())->reply_requested) << "it was not pinged, and is there";
}

}  // namespace

}  // namespace tests
