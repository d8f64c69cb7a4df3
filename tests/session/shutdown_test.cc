#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "tests/session/session_rig.h"

// What clients see of a server that stops.

namespace tests {

using server::wal::Lsn;

namespace {

struct ShutdownTest : SessionTest {
  static TestServer::Options options(std::chrono::milliseconds close_timeout) {
    TestServer::Options made;
    made.worker.session.close_timeout = close_timeout;
    return made;
  }
  explicit ShutdownTest(std::chrono::milliseconds close_timeout = std::chrono::minutes(1))
      : SessionTest(options(close_timeout)) {}

  // A client that has had all WAL, and said nothing yet.
  void stream_all(ReadyClient& client) {
    client.send(start_replication(begin()));
    EXPECT_EQ(client.next().type, 'W');
    client.wal(end() - begin());
  }
  static void expect_copy_0(const std::vector<Message>& messages) {
    ASSERT_EQ(types_of(messages), "C");
    EXPECT_EQ(messages[0].body, std::string("COPY 0\0", 7));
  }
};

struct ImpatientShutdownTest : ShutdownTest {
  ImpatientShutdownTest() : ShutdownTest(std::chrono::milliseconds(200)) {}
};

TEST_F(ShutdownTest, IdleSessionsAreToldAndStreamsEndWithTheirTag) {
  ReadyClient idle(server);
  ReadyClient streaming(server);
  stream_all(streaming);
  streaming.send(status(end(), /*reply_requested=*/true));
  ASSERT_TRUE(keepalive(streaming.next()).has_value());
  TestClient starting(server.port());
  starting.send(startup_packet(walreceiver_parameters()).substr(0, 10));
  ASSERT_TRUE(server.wait_for_sessions(3));
  server.stop();

  const auto told = idle.to_end();
  ASSERT_EQ(types_of(told), "E");
  EXPECT_EQ(field(told[0], 'S'), "FATAL");
  EXPECT_EQ(field(told[0], 'C'), "57P01");
  EXPECT_EQ(field(told[0], 'M'), "terminating connection due to administrator command");
  expect_copy_0(streaming.to_end());
  EXPECT_TRUE(starting.ends());
}

TEST_F(ShutdownTest, AStandbyIsAskedUntilItHasConfirmedAll) {
  ReadyClient client(server);
  stream_all(client);
  std::thread stopping([&] { server.stop(); });
  for (const Lsn confirmed : {begin(), end() - 1, end()}) {
    const auto asked = keepalive(client.next());
    ASSERT_TRUE(asked.has_value());
    EXPECT_TRUE(asked->reply_requested);
    EXPECT_EQ(asked->wal_end, end());
    client.send(status(confirmed));
  }
  expect_copy_0(client.to_end());
  stopping.join();
}

TEST_F(ShutdownTest, WhatIsLeftIsSentBeforeTheEnd) {
  server.publish(grow(8 << 20));
  ReadyClient slow(server, /*receive_buffer_bytes=*/4096);
  slow.send(start_replication(begin()));
  EXPECT_EQ(slow.next().type, 'W');
  const std::size_t first = slow.wal(1).size();
  std::thread stopping([&] { server.stop(); });
  EXPECT_EQ(slow.wal(end() - begin() - first).size(), end() - begin() - first);
  ASSERT_TRUE(keepalive(slow.next()).has_value());
  slow.send(status(end()));
  expect_copy_0(slow.to_end());
  stopping.join();
}

TEST_F(ShutdownTest, AClientThatEndsItsStreamMeanwhileIsToldLikeAnIdleOne) {
  ReadyClient client(server);
  stream_all(client);
  std::thread stopping([&] { server.stop(); });
  ASSERT_TRUE(keepalive(client.next()).has_value());
  client.send(client_message('c', "") + query("IDENTIFY_SYSTEM"));
  EXPECT_EQ(types_of(client.to_end()), "cCCZE");
  stopping.join();
}

TEST_F(ShutdownTest, CuttingShortDoesNotWaitForConfirmations) {
  ReadyClient client(server);
  stream_all(client);
  std::thread stopping([&] { server.stop(); });
  ASSERT_TRUE(keepalive(client.next()).has_value());
  server.cut_short();
  stopping.join();
  expect_copy_0(client.to_end());
}

TEST_F(ImpatientShutdownTest, AClientThatDoesNotReadIsWaitedForNoLongerThanTheCloseTimeout) {
  server.publish(grow(8 << 20));
  std::vector<std::unique_ptr<ReadyClient>> stuck;
  for (int i = 0; i < 3; ++i) {
    stuck.push_back(std::make_unique<ReadyClient>(server, /*receive_buffer_bytes=*/4096));
    stuck.back()->send(start_replication(begin()));
  }
  ASSERT_TRUE(server.wait_for_sessions(3));
  server.stop();  // a test that never ends has failed
}

}  // namespace

}  // namespace tests
