#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>

#include "tests/session/console_rig.h"

// What bounds a normal connection: cancels, timeouts, a client that does not read, the end.

namespace tests {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::StartsWith;

namespace {

// Rows without end, for all that this test knows.
constexpr const char* kForEver =
    "SELECT count(*) FROM generate_series(1, 100000) AS a, generate_series(1, 100000) AS b";
// About 4 MB.
constexpr const char* kMuch = "SELECT repeat('x', 1000) AS x FROM generate_series(1, 4000)";

struct ConsoleLimitsTest : ConsoleTest {
  explicit ConsoleLimitsTest(TestServer::Options options = {}) : ConsoleTest(std::move(options)) {}
};

TEST_F(ConsoleLimitsTest, AStatementIsCancelledAndTheSessionGoesOn) {
  Client client(server);
  client.send(query(kForEver));
  request_cancel(client);
  const auto lines = Client::lines(client.until('Z'));
  ASSERT_GE(lines.size(), 2u);
  EXPECT_EQ(lines[lines.size() - 2], "E ERROR 57014 canceling statement due to user request");
  EXPECT_THAT(client.ask("SELECT 1 AS n")[1], "D 1");
}

// The console thread has not taken the statement yet: another one is before it.
TEST_F(ConsoleLimitsTest, ACancelThatComesBeforeItsStatementBeginsIsNotLost) {
  Client first(server);
  Client second(server);
  first.send(query(kForEver));
  second.send(query(kForEver));
  server.run_in_worker([] {});
  request_cancel(second);
  server.run_in_worker([] {});
  request_cancel(first);
  for (Client* client : {&first, &second}) {
    const auto lines = Client::lines(client->until('Z'));
    EXPECT_EQ(lines[lines.size() - 2], "E ERROR 57014 canceling statement due to user request");
  }
}

TEST_F(ConsoleLimitsTest, ACancelOfAnIdleSessionIsNotOfItsNextStatement) {
  Client client(server);
  request_cancel(client);
  server.run_in_worker([] {});
  EXPECT_EQ(client.ask("SELECT 1 AS n")[1], "D 1");
}

TEST_F(ConsoleLimitsTest, AStatementHasItsTime) {
  Client client(server, {{"statement_timeout", "50"}});
  const auto lines = client.ask(kForEver);
  EXPECT_EQ(lines[lines.size() - 2], "E ERROR 57014 canceling statement due to statement timeout");
  EXPECT_EQ(client.ask("SET statement_timeout = 0").back(), "Z I");
}

TEST_F(ConsoleLimitsTest, AClientThatIdlesInATransactionIsDropped) {
  Client client(server, {{"idle_in_transaction_session_timeout", "30"}});
  EXPECT_EQ(client.ask("SELECT 1").back(), "Z I");
  EXPECT_EQ(client.ask("BEGIN").back(), "Z T");
  EXPECT_THAT(
      Client::lines(client.to_end()),
      ElementsAre("E FATAL 25P03 terminating connection due to idle-in-transaction timeout"));
}

TEST_F(ConsoleLimitsTest, AClientThatIdlesIsDropped) {
  Client client(server, {{"idle_session_timeout", "30"}});
  EXPECT_THAT(Client::lines(client.to_end()),
              ElementsAre("E FATAL 57P05 terminating connection due to idle-session timeout"));
}

TEST_F(ConsoleLimitsTest, ALongAnswerComesWholeAndWaitsForAReaderInPieces) {
  Client client(server, {}, /*receive_buffer_bytes=*/4096);
  client.send(query(kMuch));
  const auto messages = client.until('Z');
  EXPECT_EQ(std::ranges::count(messages, 'D', &Message::type), 4000);
  EXPECT_EQ(Client::lines({messages[messages.size() - 2]}).front(), "C SELECT 4000");
}

TEST_F(ConsoleLimitsTest, AClientThatDoesNotReadKeepsNoOtherOneWaiting) {
  Client deaf(server, {}, /*receive_buffer_bytes=*/4096);
  deaf.send(query(kMuch));
  Client client(server);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.ask("SELECT 1 AS n")[1], "D 1");
  request_cancel(deaf);
  const auto lines = Client::lines(deaf.until('Z'));
  EXPECT_EQ(lines[lines.size() - 2], "E ERROR 57014 canceling statement due to user request");
}

TEST_F(ConsoleLimitsTest, AClientThatHasSentAllStillGetsItsAnswers) {
  Client client(server);
  client.send(query("SELECT 1 AS n") + query("SELECT 2 AS n"));
  ::shutdown(client.fd(), SHUT_WR);
  std::string rows;
  for (const auto& line : Client::lines(client.to_end())) {
    if (line.starts_with("D")) rows += line;
  }
  EXPECT_EQ(rows, "D 1D 2");
}

TEST_F(ConsoleLimitsTest, AClientThatGoesLeavesNothingBehind) {
  for (int i = 0; i < 20; ++i) {
    Client client(server);
    client.send(parse("s", kForEver) + bind("", "s") + execute("") + sync());
    if (i % 2 == 0) server.run_in_worker([] {});
  }
  EXPECT_TRUE(server.wait_for_sessions(0));
  EXPECT_EQ(server.console_clients(), 0);
  Client client(server);
  EXPECT_EQ(client.ask("SELECT 1 AS n")[1], "D 1") << "what ran has ended";
}

TEST_F(ConsoleLimitsTest, ATerminatedSessionIsToldWhateverItDoes) {
  Client idle(server);
  Client busy(server);
  busy.send(query(kForEver));
  server.run_in_worker([] {});
  for (const auto& session : server.sessions()) server.worker().post_terminate(session.process_id);
  for (Client* client : {&idle, &busy}) {
    EXPECT_THAT(Client::lines(client->to_end()),
                ElementsAre("E FATAL 57P01 terminating connection due to administrator command"));
  }
}

TEST_F(ConsoleLimitsTest, AServerThatStopsTellsItsClientsAndWaitsForNone) {
  Client client(server);
  client.send(query(kForEver));
  server.run_in_worker([] {});
  server.stop();
  EXPECT_THAT(Client::lines(client.to_end()),
              ElementsAre("E FATAL 57P01 terminating connection due to administrator command"));
}

struct FewClientsTest : ConsoleTest {
  FewClientsTest() : ConsoleTest(few()) {}
  static TestServer::Options few() {
    TestServer::Options options;
    options.worker.session.max_console_connections = 1;
    return options;
  }
};

TEST_F(FewClientsTest, OneTooManyIsRefusedUntilAnotherHasGone) {
  {
    Client client(server);
    TestClient second(server.port());
    second.send(startup_packet({{"user", "u"}}));
    EXPECT_THAT(ConsoleTest::Client::lines(second.to_end()),
                ElementsAre("E FATAL 53300 sorry, too many clients already"));
  }
  EXPECT_TRUE(server.wait_for_sessions(0));
  Client client(server);
}

}  // namespace
}  // namespace tests
