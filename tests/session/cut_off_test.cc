#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "tests/session/session_rig.h"

// A peer that closes between any two bytes, and what is left of it then: nothing.

namespace tests {

namespace {

std::string conversation(server::wal::Lsn start) {
  return std::string("\0\0\0\x08\x04\xd2\x16\x2f", 8) + startup_packet(walreceiver_parameters()) +
         query("IDENTIFY_SYSTEM") + client_message('P', "x") + client_message('S', "") +
         start_replication(start) + status(start) + client_message('c', "") +
         query("SHOW wal_segment_size") + start_replication(start) + status(start, true) +
         client_message('X', "");
}

// Without the request that must be answered before more is sent.
std::string pipelined(server::wal::Lsn start) { return conversation(start).substr(8); }

struct CutOffTest : SessionTest {
  void expect_alive() {
    ReadyClient client(server);
    client.send(query("IDENTIFY_SYSTEM"));
    EXPECT_EQ(types_of(client.until('Z')), "TDCZ");
  }
};

TEST_F(CutOffTest, ThePeerMayCloseAtAnyByte) {
  const std::string bytes = pipelined(begin());
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    TestClient client(server.port());
    client.send(std::string_view(bytes).substr(0, size));
    client.close();
  }
  EXPECT_TRUE(server.wait_for_sessions(0));
  expect_alive();
}

TEST_F(CutOffTest, ThePeerMayStopSendingAtAnyByteAndReadTheRest) {
  const std::string bytes = pipelined(begin());
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    TestClient client(server.port());
    client.send(std::string_view(bytes).substr(0, size));
    ::shutdown(client.fd(), SHUT_WR);
    client.to_end();
  }
  EXPECT_TRUE(server.wait_for_sessions(0));
  expect_alive();
}

TEST_F(CutOffTest, AnEncryptionRequestMayBeCutOffToo) {
  const std::string bytes = conversation(begin());
  for (std::size_t size = 0; size <= 8; ++size) {
    TestClient client(server.port());
    client.send(std::string_view(bytes).substr(0, size));
    client.close();
  }
  EXPECT_TRUE(server.wait_for_sessions(0));
  expect_alive();
}

TEST_F(CutOffTest, AnySplitOfTheConversationHasTheSameAnswers) {
  const std::string bytes = startup_packet(walreceiver_parameters()) + query("IDENTIFY_SYSTEM") +
                            client_message('P', "x") + query("SHOW all") + client_message('S', "") +
                            start_replication(begin()) + status(begin()) + client_message('c', "") +
                            query("SHOW wal_segment_size") + client_message('X', "");
  std::string expected;
  for (std::size_t split = 0; split < bytes.size(); split += 7) {
    TestClient client(server.port());
    client.send(std::string_view(bytes).substr(0, split));
    if (split % 2 == 0) std::this_thread::yield();
    client.send(std::string_view(bytes).substr(split));
    std::string types = types_of(client.to_end());
    // How much WAL comes before the end depends on the timing.
    std::erase(types, 'd');
    if (expected.empty()) expected = types;
    EXPECT_EQ(types, expected) << split;
  }
}

// A reset could overtake the answer, and tells the client nothing.
TEST_F(CutOffTest, WhatFollowsAFatalMessageDoesNotResetTheConnection) {
  ReadyClient client(server);
  server.run_in_worker([&client] {
    // The worker is here, so that all of it has come before it reads.
    client.send("?" + std::string(100'000, 'x'));
  });
  EXPECT_EQ(client.next().type, 'E');
  char byte = 0;
  EXPECT_EQ(::recv(client.fd(), &byte, 1, 0), 0) << "the end, and not an error";
}

TEST_F(CutOffTest, ASessionThatIsOverLeavesNoMemoryBehind) {
  const std::string before = server.contexts_of_worker();
  {
    std::vector<std::unique_ptr<ReadyClient>> clients;
    for (int i = 0; i < 20; ++i) {
      auto& client = *clients.emplace_back(std::make_unique<ReadyClient>(server));
      const std::string half_a_message =
          client_message('d', std::string(5000, 'r')).substr(0, 3000);
      client.send(start_replication(begin()) + half_a_message);
      EXPECT_EQ(client.next().type, 'W');
    }
    EXPECT_NE(server.contexts_of_worker().find("Session"), std::string::npos);
  }
  ASSERT_TRUE(server.wait_for_sessions(0));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  // A session leaves the list when it is over, and dies at the end of that turn.
  while (server.contexts_of_worker() != before && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(server.contexts_of_worker(), before);
  EXPECT_EQ(server.wal_senders(), 0);
}

}  // namespace

}  // namespace tests
