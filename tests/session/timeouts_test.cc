#include <arpa/inet.h>
#include <netinet/tcp.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "tests/session/session_rig.h"

// How long a session waits for its client: the server's settings, and the client's own.

namespace tests {

namespace {

struct TimeoutsTest : SessionTest {
  explicit TimeoutsTest(const TestServer::Options& options = {}) : SessionTest(options) {}

  // A client that comes with `-c` options.
  struct Client : TestClient {
    Client(const TestServer& server, const std::string& options) : TestClient(server.port()) {
      auto parameters = walreceiver_parameters();
      parameters.emplace_back("options", options);
      EXPECT_TRUE(send(startup_packet(parameters)));
      EXPECT_EQ(until('Z').back().type, 'Z');
    }
  };
  static void expect_idle_timeout(const std::vector<Message>& messages) {
    ASSERT_EQ(types_of(messages), "E");
    EXPECT_EQ(field(messages[0], 'S'), "FATAL");
    EXPECT_EQ(field(messages[0], 'C'), "57P05");
    EXPECT_EQ(field(messages[0], 'M'), "terminating connection due to idle-session timeout");
  }
};

struct IdleSessionTest : TimeoutsTest {
  static TestServer::Options options() {
    TestServer::Options made;
    // Long enough for a client that is not idle, on a machine that is busy.
    made.worker.session.idle_session_timeout = std::chrono::seconds(1);
    return made;
  }
  IdleSessionTest() : TimeoutsTest(options()) {}
};

TEST_F(IdleSessionTest, AClientThatSendsNoCommandIsTold) {
  ReadyClient silent(server);
  expect_idle_timeout(silent.to_end());
}

TEST_F(IdleSessionTest, TheTimeBeginsWithEachReadyForQuery) {
  ReadyClient client(server);
  client.send(query("IDENTIFY_SYSTEM"));
  EXPECT_EQ(types_of(client.until('Z')), "TDCZ");
  client.send(query("SHOW no_such"));
  EXPECT_EQ(types_of(client.until('Z')), "EZ");
  expect_idle_timeout(client.to_end());
}

TEST_F(IdleSessionTest, AHalfSentCommandIsNone) {
  ReadyClient client(server);
  client.send(query("IDENTIFY_SYSTEM").substr(0, 7));
  expect_idle_timeout(client.to_end());
}

TEST_F(IdleSessionTest, AStreamIsNotIdleAndItsClientIsAfterwards) {
  ReadyClient streaming(server);
  streaming.send(start_replication(end()));
  EXPECT_EQ(streaming.next().type, 'W');
  ReadyClient silent(server);
  expect_idle_timeout(silent.to_end());
  streaming.send(status(end(), /*reply_requested=*/true));
  EXPECT_TRUE(keepalive(streaming.next()).has_value()) << "it has outlived a timeout";
  streaming.send(client_message('c', ""));
  EXPECT_EQ(types_of(streaming.until('Z')), "cCCZ");
  expect_idle_timeout(streaming.to_end());
}

TEST_F(IdleSessionTest, AClientMaySetItsOwn) {
  Client patient(server, "-c idle_session_timeout=0");
  ReadyClient silent(server);
  expect_idle_timeout(silent.to_end());
  patient.send(query("SHOW idle_session_timeout"));
  const auto shown = patient.until('Z');
  ASSERT_EQ(types_of(shown), "TDCZ");
  EXPECT_EQ(shown[1].body.back(), '0');
}

struct TcpTimeoutsOfSessionTest : TimeoutsTest {
  static TestServer::Options options() {
    TestServer::Options made;
    made.worker.session.tcp = {.keepalive_idle_s = 21, .user_timeout_ms = 22'000};
    return made;
  }
  TcpTimeoutsOfSessionTest() : TimeoutsTest(options()) {}

  // The server is in this process, so its end of a connection is among this process's descriptors.
  static int option_of_server(const TestClient& client, int name) {
    const std::uint16_t port = runtime::local_address(client.fd()).port();
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      const int fd = std::stoi(entry.path().filename());
      sockaddr_in peer{};
      socklen_t size = sizeof(peer);
      if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
      if (peer.sin_family != AF_INET || ntohs(peer.sin_port) != port) continue;
      int value = -1;
      size = sizeof(value);
      EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, name, &value, &size), 0);
      return value;
    }
    ADD_FAILURE() << "no socket of the server";
    return -1;
  }
  static std::string shown(TestClient& client, std::string_view name) {
    client.send(query("SHOW " + std::string(name)));
    const auto messages = client.until('Z');
    EXPECT_EQ(types_of(messages), "TDCZ");
    return messages.at(1).body.substr(6);  // one column: count and length come first
  }
};

TEST_F(TcpTimeoutsOfSessionTest, TheServersAreTheSockets) {
  const ReadyClient client(server);
  EXPECT_EQ(option_of_server(client, TCP_KEEPIDLE), 21);
  EXPECT_EQ(option_of_server(client, TCP_USER_TIMEOUT), 22'000);
  EXPECT_EQ(option_of_server(client, TCP_KEEPCNT), runtime::system_tcp_timeouts().keepalive_count);
}

TEST_F(TcpTimeoutsOfSessionTest, AClientsOwnComeBefore) {
  Client client(server, "-c tcp_keepalives_idle=1min -c tcp_user_timeout=2s");
  EXPECT_EQ(option_of_server(client, TCP_KEEPIDLE), 60);
  EXPECT_EQ(option_of_server(client, TCP_USER_TIMEOUT), 2000);
  EXPECT_EQ(shown(client, "tcp_keepalives_idle"), "60");
  EXPECT_EQ(shown(client, "tcp_user_timeout"), "2000");
}

TEST_F(TcpTimeoutsOfSessionTest, ZeroIsTheSystemsAndIsShownAsWhatItIs) {
  Client client(server, "-c tcp_keepalives_idle=0");
  const int idle = runtime::system_tcp_timeouts().keepalive_idle_s;
  EXPECT_EQ(option_of_server(client, TCP_KEEPIDLE), idle);
  EXPECT_EQ(shown(client, "tcp_keepalives_idle"), std::to_string(idle));
}

}  // namespace

}  // namespace tests
