#include <thread>

#include "runtime/socket.h"
#include "tests/session/session_rig.h"

// For which standbys WAL is gathered. It is gathered for an hour here, so that what one of them
// gets of it can only have come at once.

namespace tests {

namespace {

struct SendDelayTest : SessionTest {
  static TestServer::Options options() {
    TestServer::Options made;
    made.worker.send_queue.gather_time = std::chrono::hours(1);
    made.worker.session.send_delay = {.time = std::chrono::hours(1), .exempt_names = {"near", "x"}};
    made.upstream_ack = {
        .kind = server::source::AckPolicy::Kind::kAny, .count = 1, .names = {"awaited"}};
    return made;
  }
  SendDelayTest() : SessionTest(options()) {}

  // A standby that has all WAL there is, and waits for more.
  struct Standby : TestClient {
    Standby(const SendDelayTest& test, const std::string& name) : TestClient(test.server.port()) {
      auto parameters = walreceiver_parameters();
      parameters.back().second = name;
      EXPECT_TRUE(send(startup_packet(parameters)));
      EXPECT_EQ(until('Z').back().type, 'Z');
      send(start_replication(test.end()));
      EXPECT_EQ(next().type, 'W');
      ask(test.end());
    }
    // The answer comes at the end of a turn of the server's loop.
    void ask(server::wal::Lsn has) {
      send(status(has, /*reply_requested=*/true));
      EXPECT_TRUE(keepalive(next()).has_value());
    }
    bool gets(const SendDelayTest& test, server::wal::Lsn from) {
      return wal(test.end() - from) == test.wal(from, test.end());
    }
  };
  // New WAL; returns where it begins.
  server::wal::Lsn commit() {
    const server::wal::Lsn from = end();
    server.publish(grow(4000));
    return from;
  }
  void expect_at_once(const std::string& name) {
    Standby patient(*this, "far");
    Standby prompt(*this, name);
    const auto first = commit();
    EXPECT_TRUE(prompt.gets(*this, first));
    EXPECT_TRUE(patient.gets(*this, first)) << "after a pause";
    const auto second = commit();
    EXPECT_TRUE(prompt.gets(*this, second));
    prompt.ask(end());
    EXPECT_EQ(runtime::unread_bytes(patient.fd()), 0u);
    patient.send(status(end(), /*reply_requested=*/true));
    EXPECT_TRUE(patient.gets(*this, second)) << "it has its turn since it asks";
  }
};

TEST_F(SendDelayTest, AStandbyWithAnExemptNameIsNotKeptWaiting) { expect_at_once("Near"); }

TEST_F(SendDelayTest, AStandbyThatThePrimaryWaitsForIsNotKeptWaiting) { expect_at_once("awaited"); }

TEST_F(SendDelayTest, AStandbysEndIsAnsweredThoughWalIsGathered) {
  Standby patient(*this, "far");
  ASSERT_TRUE(patient.gets(*this, commit()));
  commit();
  patient.send(client_message('c', ""));
  EXPECT_EQ(types_of(patient.until('Z')), "cCCZ");
}

TEST_F(SendDelayTest, AServerThatStopsSendsWhatIsGathered) {
  Standby patient(*this, "far");
  ASSERT_TRUE(patient.gets(*this, commit()));
  const auto second = commit();
  std::thread stopper([&] { server.stop(); });
  EXPECT_TRUE(patient.gets(*this, second));
  patient.send(status(end()));
  EXPECT_EQ(patient.until('C').back().body, std::string("COPY 0\0", 7));
  stopper.join();
}

}  // namespace

}  // namespace tests
