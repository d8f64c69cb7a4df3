#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/session/session_loop.h"
#include "tests/session/session_rig.h"
#include "tests/support/logged.h"

// What one client, or all of one address, can take from the others: places and time.

namespace tests {

using std::chrono::seconds;

namespace {

// A client that is in, and stalls.
struct StallTest : ::testing::Test, SessionOnLoop {
  StallTest() {
    options.client_read_timeout = seconds(60);
    options.client_write_timeout = seconds(60);
    say(startup_packet(walreceiver_parameters()));
    EXPECT_EQ(heard().substr(0, 1), "R");
  }
  // Asks until the server has so much to send that it takes no more.
  void ask_without_end() {
    const std::string ask = query("SHOW all");
    for (int i = 0; i < 3000; ++i) {
      if (::send(sockets.peer.get(), ask.data(), ask.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        break;
      rig.loop.turn_for_test();
    }
  }
};

TEST_F(StallTest, ACommandMustBeWholeInTime) {
  const std::string ask = query("IDENTIFY_SYSTEM");
  say(ask.substr(0, 3));
  for (std::size_t i = 3; i < 8; ++i) {
    pass(seconds(11));
    say(ask.substr(i, 1));
  }
  EXPECT_FALSE(over());
  const std::string log = logged([&] { pass(seconds(5)); });
  EXPECT_TRUE(over());
  EXPECT_NE(log.find("client_read_timeout"), std::string::npos) << log;
}

TEST_F(StallTest, ACommandThatIsWholeBeginsAnotherTime) {
  const std::string ask = query("IDENTIFY_SYSTEM");
  for (int i = 0; i < 5; ++i) {
    say(ask.substr(0, 3));
    pass(seconds(50));
    say(ask.substr(3));
    EXPECT_NE(heard(), "");
  }
  pass(seconds(600));
  EXPECT_FALSE(over()) << "between commands a client may idle";
}

TEST_F(StallTest, AClientThatReadsNothingIsDropped) {
  ask_without_end();
  pass(seconds(59));
  EXPECT_FALSE(over());
  const std::string log = logged([&] { pass(seconds(2)); });
  EXPECT_TRUE(over());
  EXPECT_NE(log.find("client_write_timeout"), std::string::npos) << log;
}

TEST_F(StallTest, AClientThatReadsALittleIsNot) {
  ask_without_end();
  for (int i = 0; i < 10; ++i) {
    pass(seconds(59));
    std::string some;
    for (int j = 0; j < 4; ++j) receive_into(some, sockets.peer.get(), 64 * 1024);
    rig.loop.turn_for_test();
  }
  EXPECT_FALSE(over());
}

TEST_F(StallTest, WithoutATimeAClientMayStallForEver) {
  options.client_write_timeout = {};
  options.client_read_timeout = {};
  ask_without_end();
  pass(std::chrono::hours(1));
  EXPECT_FALSE(over());
}

// Real connections, as the acceptor takes them.
struct AddressLimitsTest : SessionTest {
  static TestServer::Options options() {
    TestServer::Options made;
    made.admissions = {.connections_max = 5, .per_address_max = 3, .startups_per_address_max = 2};
    return made;
  }
  AddressLimitsTest() : SessionTest(options()) {}

  static void expect_refused(TestClient& client, const std::string& text) {
    const auto messages = client.to_end();
    ASSERT_EQ(types_of(messages), "E");
    EXPECT_EQ(field(messages[0], 'S'), "FATAL");
    EXPECT_EQ(field(messages[0], 'C'), "53300");
    EXPECT_EQ(field(messages[0], 'M'), text);
  }
};

TEST_F(AddressLimitsTest, AClientTooManyIsToldBeforeItHasSaidAnything) {
  TestClient first(server.port());
  TestClient second(server.port());
  TestClient third(server.port());
  expect_refused(third, "too many connections from address \"127.0.0.1\"");
  EXPECT_TRUE(first.start_up());
  TestClient fourth(server.port());
  EXPECT_TRUE(fourth.start_up());
  EXPECT_TRUE(second.start_up());
  TestClient fifth(server.port());
  expect_refused(fifth, "too many connections from address \"127.0.0.1\"");
  EXPECT_EQ(server.sessions().size(), 3u);
}

TEST_F(AddressLimitsTest, NothingIsCountedWhenAllAreGone) {
  for (int round = 0; round < 3; ++round) {
    ReadyClient first(server);
    TestClient silent(server.port());
    TestClient half(server.port());
    half.send(startup_packet(walreceiver_parameters()).substr(0, 10));
    ASSERT_TRUE(server.wait_for_sessions(3));
    for (TestClient* client : {static_cast<TestClient*>(&first), &silent, &half}) client->close();
    ASSERT_TRUE(server.wait_for_sessions(0));
    EXPECT_EQ(server.admissions().connections_for_test(), 0);
    EXPECT_EQ(server.admissions().startups_for_test(), 0);
  }
}

}  // namespace

}  // namespace tests
