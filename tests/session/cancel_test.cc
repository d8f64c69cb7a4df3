#include <string>

#include "tests/session/session_rig.h"

// CancelRequests, which come by connections of their own.

namespace tests {

namespace {

struct CancelTest : SessionTest {
  // A client, and what its BackendKeyData said: process id and key.
  struct Client : TestClient {
    explicit Client(const TestServer& server) : TestClient(server.port()) {
      EXPECT_TRUE(send(startup_packet(walreceiver_parameters())));
      for (const Message& message : until('Z')) {
        if (message.type == 'K') key_data = message.body;
      }
      EXPECT_EQ(key_data.size(), 8u);
    }
    std::string key_data;
  };

  void request_cancel(const std::string& key_data) {
    TestClient canceller(server.port());
    canceller.send(std::string("\0\0\0\x10\x04\xd2\x16\x2e", 8) + key_data);
    EXPECT_TRUE(canceller.ends());
  }
};

TEST_F(CancelTest, AStreamIsCancelledAndTheSessionGoesOn) {
  Client client(server);
  client.send(start_replication(end()));
  EXPECT_EQ(client.next().type, 'W');
  request_cancel(client.key_data);
  const auto answer = client.until('Z');
  ASSERT_EQ(types_of(answer), "EZ");
  EXPECT_EQ(field(answer[0], 'S'), "ERROR");
  EXPECT_EQ(field(answer[0], 'C'), "57014");
  EXPECT_EQ(field(answer[0], 'M'), "canceling statement due to user request");
  client.send(query("IDENTIFY_SYSTEM"));
  EXPECT_EQ(types_of(client.until('Z')), "TDCZ");
}

TEST_F(CancelTest, WhatIsIdleOrNotKnownIsLeftAlone) {
  Client idle(server);
  Client streaming(server);
  streaming.send(start_replication(end()));
  EXPECT_EQ(streaming.next().type, 'W');
  request_cancel(idle.key_data);
  std::string wrong_key = streaming.key_data;
  wrong_key.back() = static_cast<char>(wrong_key.back() ^ 1);
  request_cancel(wrong_key);
  std::string nobody = streaming.key_data;
  nobody[1] = '\x7f';
  request_cancel(nobody);
  // Whatever a cancel does is done by the worker in the order of arrival, before this.
  ASSERT_TRUE(server.wait_for_sessions(2));
  idle.send(query("IDENTIFY_SYSTEM"));
  EXPECT_EQ(types_of(idle.until('Z')), "TDCZ");
  streaming.send(status(end(), /*reply_requested=*/true));
  EXPECT_TRUE(keepalive(streaming.next()).has_value());
}

}  // namespace

}  // namespace tests
