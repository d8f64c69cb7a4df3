#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "tests/session/session_rig.h"

// What clients see of a server that stops.

namespace tests {

namespace {

struct ShutdownTest : SessionTest {
  static TestServer::Options options() {
    TestServer::Options made;
    made.worker.session.close_timeout = std::chrono::milliseconds(200);
    return made;
  }
  ShutdownTest() : SessionTest(options()) {}
};

TEST_F(ShutdownTest, IdleSessionsAreToldAndStreamsEndWithTheirTag) {
  ReadyClient idle(server);
  ReadyClient streaming(server);
  streaming.send(start_replication(begin()));
  EXPECT_EQ(streaming.next().type, 'W');
  streaming.wal(end() - begin());
  TestClient starting(server.port());
  starting.send(startup_packet(walreceiver_parameters()).substr(0, 10));
  ASSERT_TRUE(server.wait_for_sessions(3));
  server.stop();

  const auto told = idle.to_end();
  ASSERT_EQ(types_of(told), "E");
  EXPECT_EQ(field(told[0], 'S'), "FATAL");
  EXPECT_EQ(field(told[0], 'C'), "57P01");
  EXPECT_EQ(field(told[0], 'M'), "terminating connection due to administrator command");
  const auto last = streaming.to_end();
  ASSERT_EQ(types_of(last), "C");
  EXPECT_EQ(last[0].body, std::string("COPY 0\0", 7));
  EXPECT_TRUE(starting.ends());
}

TEST_F(ShutdownTest, AStreamEndsBehindTheMessageInFlight) {
  server.publish(grow(8 << 20));
  ReadyClient slow(server, /*receive_buffer_bytes=*/4096);
  slow.send(start_replication(begin()));
  EXPECT_EQ(slow.next().type, 'W');
  slow.wal(1);
  std::thread stopping([&] { server.stop(); });
  const auto messages = slow.to_end();
  stopping.join();
  ASSERT_FALSE(messages.empty());
  EXPECT_EQ(messages.back().type, 'C');
  for (std::size_t i = 0; i + 1 < messages.size(); ++i) {
    ASSERT_TRUE(xlog_data(messages[i]).has_value());
  }
}

TEST_F(ShutdownTest, AClientThatDoesNotReadDelaysItNoLongerThanTheCloseTimeout) {
  server.publish(grow(8 << 20));
  std::vector<std::unique_ptr<ReadyClient>> stuck;
  for (int i = 0; i < 3; ++i) {
    stuck.push_back(std::make_unique<ReadyClient>(server, /*receive_buffer_bytes=*/4096));
    stuck.back()->send(start_replication(begin()));
  }
  const auto begun = std::chrono::steady_clock::now();
  server.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

}  // namespace

}  // namespace tests
