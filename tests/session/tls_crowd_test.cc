#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "tests/session/session_crowd.h"
#include "tests/support/certificates.h"
#include "tests/support/socket_pair.h"
#include "tests/support/tls_client.h"

// What clients that begin with TLS, and stop there, can take from the others of their loop.

namespace tests {

namespace {

const std::string kSslRequest("\0\0\0\x08\x04\xd2\x16\x2f", 8);
constexpr std::size_t kHandshakeBytes = runtime::TlsChannel::kHandshakeMemoryBytes;

// What a client of TLS says first.
std::string client_hello() {
  SocketPair sockets;
  TlsClient tls(sockets.peer.get(), {});
  tls.connect();
  std::string hello;
  receive_into(hello, sockets.ours.get());
  return hello;
}

class TlsCrowdTest : public ::testing::Test, protected SessionCrowd {
 protected:
  TlsCrowdTest() {
    const auto own = authority_.issue(directory_, {.common_name = "server"});
    environment.tls = runtime::TlsContext::load(
                          {.certificate_file = own.certificate, .private_key_file = own.key})
                          .value();
  }

  // One that asks for TLS, and says this.
  Client& begin(const std::string& address, std::string_view bytes) {
    Client& client = connect(address);
    tell(client, kSslRequest);
    EXPECT_EQ(hear(client), "S");
    tell(client, bytes);
    return client;
  }
  // Whether clients that mean well get in, with TLS and without.
  bool others_get_in(const std::string& address) {
    TlsClient tls(begin(address, "").socket.get(), {});
    if (!rig.turn_until([&] { return tls.connect() == 1; })) return false;
    const Client& plain = connect(address);
    tell(plain, startup_packet(walreceiver_parameters()));
    return hear(plain).substr(0, 1) == "R";
  }
  bool settles() {
    return rig.turn_until([&] { return handshakes.running() == 0; });
  }

 private:
  TempDir directory_;
  const Authority authority_{"authority"};
};

// With one byte each, 25 clients had the memory of all handshakes until authentication_timeout.
TEST_F(TlsCrowdTest, BeginningsOfARecordTakeNoMemory) {
  const std::string hello = client_hello();
  const std::string old_hello("\x80\x2e\x01\x03\x03", 5);  // SSL 2's, whose length is 48 bytes
  for (int i = 0; i < 20; ++i) {
    for (const std::string& beginning :
         {hello.substr(0, 1), hello.substr(0, 5), hello.substr(0, hello.size() - 1), old_hello}) {
      EXPECT_NE(begin("192.0.2.1", beginning).session, nullptr);
    }
  }
  EXPECT_EQ(handshakes.running(), 0u);
  EXPECT_LT(memory.used(), kHandshakeBytes);
  EXPECT_TRUE(others_get_in("192.0.2.2"));
  EXPECT_TRUE(others_get_in("192.0.2.1"));
}

TEST_F(TlsCrowdTest, AHandshakeBeginsWithTheLastByteOfItsFirstRecord) {
  const std::string hello = client_hello();
  const Client& client = begin("192.0.2.1", "");
  constexpr std::size_t kPiece = 10;
  for (std::size_t at = 0; at < hello.size() - 1; at += kPiece) {
    tell(client, hello.substr(at, std::min(kPiece, hello.size() - 1 - at)));
  }
  EXPECT_LT(memory.used(), kHandshakeBytes);
  tell(client, hello.substr(hello.size() - 1));
  EXPECT_GE(memory.used(), kHandshakeBytes);
  std::string answer;
  EXPECT_TRUE(rig.turn_until([&] { return receive_into(answer, client.socket.get()); }));
}

// A record is 16 kB at most; OpenSSL has the last word on one that says it is longer.
TEST_F(TlsCrowdTest, AHandshakeBeginsWith16KilobytesOfAny) {
  const Client& client = begin("192.0.2.1", std::string("\x16\x03\x01\xff\xff", 5));
  EXPECT_EQ(handshakes.running(), 0u);
  tell(client, std::string(runtime::TlsChannel::kRecordBytesMax, 'x'));
  EXPECT_TRUE(rig.turn_until([&] { return client.session == nullptr; }));
}

TEST_F(TlsCrowdTest, WhatIsNoRecordOrEndsWithinOneIsGivenUp) {
  const Client& stranger = begin("192.0.2.1", "GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(rig.turn_until([&] { return stranger.session == nullptr; }));
  const Client& silent = begin("192.0.2.1", "\x16");
  EXPECT_NE(silent.session, nullptr);
  ::shutdown(silent.socket.get(), SHUT_WR);
  EXPECT_TRUE(rig.turn_until([&] { return silent.session == nullptr; }));
  Client& gone = begin("192.0.2.1", "\x16");
  gone.socket.reset();
  EXPECT_TRUE(rig.turn_until([&] { return gone.session == nullptr; }));
}

// A greeting that is whole costs its client a few bytes too, and the server the same.
TEST_F(TlsCrowdTest, HandshakesThatStopLeaveRoomForOtherAddresses) {
  const std::string hello = client_hello();
  for (int i = 0; i < 40; ++i) begin("192.0.2.1", hello);
  ASSERT_TRUE(settles());
  EXPECT_LE(memory.used(), kMemoryMax / 4 + kHandshakeBytes);
  EXPECT_TRUE(others_get_in("192.0.2.2"));
  for (int i = 0; i < 40; ++i) begin("192.0.2.3", hello);
  ASSERT_TRUE(settles());
  EXPECT_TRUE(others_get_in("192.0.2.2"));
}

TEST_F(TlsCrowdTest, HandshakesOfAllAddressesHaveHalfOfTheMemory) {
  const std::string hello = client_hello();
  for (int address = 1; address <= 60; ++address) {
    begin("192.0.2." + std::to_string(address), hello);
  }
  ASSERT_TRUE(settles());
  EXPECT_LE(memory.used(), kMemoryMax / 2 + kHandshakeBytes);
  const Client& plain = connect("192.0.2.100");
  tell(plain, startup_packet(walreceiver_parameters()));
  EXPECT_EQ(hear(plain).substr(0, 1), "R");
}

}  // namespace

}  // namespace tests
