#include <chrono>
#include <vector>

#include "tests/session/session_rig.h"
#include "tests/support/logged.h"

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

TEST_F(SendersMaxTest, AClientTooManyIsRefusedBeforeAuthentication) {
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

TEST_F(SendersMaxTest, AClientThatGoesMakesRoom) {
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

struct ConnectionLimitsTest : SessionTest {
  static TestServer::Options options() {
    TestServer::Options made;
    made.connections = {.admitted_max = 2, .open_max = 3};
    return made;
  }
  ConnectionLimitsTest() : SessionTest(options()) {}

  static void expect_refused(TestClient& client) {
    const auto messages = client.to_end();
    ASSERT_EQ(types_of(messages), "E");
    EXPECT_EQ(field(messages[0], 'S'), "FATAL");
    EXPECT_EQ(field(messages[0], 'C'), "53300");
    EXPECT_EQ(field(messages[0], 'M'), "sorry, too many clients already");
  }
};

TEST_F(ConnectionLimitsTest, ThoseThatHaveSaidNothingCountAndMoreAreTold) {
  TestClient silent(server.port());
  ReadyClient ready(server);
  for (int i = 0; i < 3; ++i) {
    TestClient third(server.port());
    third.send(startup_packet(walreceiver_parameters()));
    expect_refused(third);
    ASSERT_TRUE(server.wait_for_sessions(2));
  }
  silent.close();
  ASSERT_TRUE(server.wait_for_sessions(1));
  ReadyClient instead(server);
}

TEST_F(ConnectionLimitsTest, WhenAllAreTakenOthersWaitUntilOneIsFree) {
  ReadyClient first(server);
  ReadyClient second(server);
  TestClient third(server.port());
  ASSERT_TRUE(server.wait_for_sessions(3));
  testing::internal::CaptureStderr();
  TestClient fourth(server.port());
  fourth.send(startup_packet(walreceiver_parameters()));
  first.send(query("IDENTIFY_SYSTEM"));
  EXPECT_EQ(types_of(first.until('Z')), "TDCZ");
  EXPECT_EQ(server.sessions().size(), 3u);
  second.close();
  expect_refused(fourth);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_LE(count_of(log, "new connections have to wait"), 1u) << log;
  third.send(startup_packet(walreceiver_parameters()));
  expect_refused(third);
}

// After so many connections the process id was 0, which in a slot stands for no process: the server
// ended.
struct ProcessIdTest : SessionTest {
  static TestServer::Options options() {
    TestServer::Options made;
    made.last_process_id = 0x7FFFFFFE;
    return made;
  }
  ProcessIdTest() : SessionTest(options()) {}
};

TEST_F(ProcessIdTest, IsPositive) {
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < 3; ++i) {
    ReadyClient client(server);
    client.send(query("CREATE_REPLICATION_SLOT s TEMPORARY PHYSICAL"));
    EXPECT_EQ(types_of(client.until('Z')), "TDCZ");
    ids.push_back(server.sessions().at(0).process_id);
    client.close();
    ASSERT_TRUE(server.wait_for_sessions(0));
  }
  EXPECT_EQ(ids, (std::vector<std::uint32_t>{0x7FFFFFFF, 1, 2}));
}

struct AuthenticationTimeoutTest : SessionTest {
  static TestServer::Options options() {
    TestServer::Options made;
    made.worker.session.authentication_timeout = milliseconds(50);
    return made;
  }
  AuthenticationTimeoutTest() : SessionTest(options()) {}
};

TEST_F(AuthenticationTimeoutTest, AClientThatDoesNotStartUpInTimeIsCutWithoutAWord) {
  TestClient silent(server.port());
  TestClient slow(server.port());
  slow.send(startup_packet(walreceiver_parameters()).substr(0, 20));
  EXPECT_TRUE(silent.ends());
  EXPECT_TRUE(slow.ends());
}

TEST_F(AuthenticationTimeoutTest, AClientThatIsReadyIsNot) {
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
