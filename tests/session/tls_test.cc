#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "server/wal/format.h"
#include "tests/session/session_rig.h"
#include "tests/support/certificates.h"
#include "tests/support/log_pipe.h"
#include "tests/support/tls_client.h"

// Sessions over TLS, from the request to the end of the WAL.

namespace tests {

namespace {

const std::string kSslRequest("\0\0\0\x08\x04\xd2\x16\x2f", 8);

struct Certified {
  Certified() {
    const auto own = authority.issue(directory, {.common_name = "server"});
    options.certificate_file = own.certificate;
    options.private_key_file = own.key;
    ca_file = authority.certificate(directory);
  }
  std::shared_ptr<const runtime::TlsContext> context() const {
    return runtime::TlsContext::load(options).value();
  }
  TestServer::Options with_tls(bool alpn) {
    if (alpn) options.alpn = "postgresql";
    TestServer::Options made;
    made.tls = context();
    return made;
  }

  TempDir directory;
  const Authority authority{"authority"};
  runtime::TlsOptions options;
  std::string ca_file;
};

struct TlsTest : Certified, SessionTest {
  explicit TlsTest(int major = 15)
      : SessionTest(with_tls(major >= 17), *server::wal::page_magic(major)) {}
};
struct DirectTlsTest : TlsTest {
  DirectTlsTest() : TlsTest(17) {}
};
struct SmallDirectTlsTest : Certified, SessionTest {
  SmallDirectTlsTest()
      : SessionTest(small(with_tls(/*alpn=*/true)), *server::wal::page_magic(17)) {}
  static TestServer::Options small(TestServer::Options made) {
    made.worker.client_memory_max = std::size_t{1} << 20;
    return made;
  }
};

// A client whose socket blocks, with the messages that it has received through TLS.
class EncryptedClient {
 public:
  EncryptedClient(const TestServer& server, const TlsClient::Options& options, bool asks = true,
                  int receive_buffer_bytes = 0)
      : plain_(server.port(), receive_buffer_bytes) {
    if (asks) {
      plain_.send(kSslRequest);
      EXPECT_EQ(plain_.raw(1), "S");
    }
    tls_ = std::make_unique<TlsClient>(plain_.fd(), options);
  }
  bool connect() { return tls_->connect() == 1; }
  bool start_up() {
    if (!connect() || !send(startup_packet(walreceiver_parameters()))) return false;
    Message message;
    do message = next();
    while (message.type != 'Z' && message.type != 0);
    return message.type == 'Z';
  }
  bool send(std::string_view bytes) { return tls_->send(bytes); }
  Message next() {
    for (;;) {
      if (auto message = take_message(received_)) return std::move(*message);
      if (!tls_->receive_into(received_)) return {};
    }
  }
  std::string wal(std::size_t bytes) {
    std::string wal;
    while (wal.size() < bytes) {
      const Message message = next();
      if (message.type == 0) break;
      if (const auto data = xlog_data(message)) wal += data->wal;
    }
    return wal;
  }
  TestClient& plain() { return plain_; }
  TlsClient& tls() { return *tls_; }
  bool has_ended() const { return tls_->has_ended(); }

 private:
  TestClient plain_;
  std::unique_ptr<TlsClient> tls_;
  std::string received_;
};

TEST_F(TlsTest, WalComesThroughTls) {
  for (const int version_max : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EncryptedClient client(server, {.authority = ca_file, .version_max = version_max});
    ASSERT_TRUE(client.start_up());
    client.send(start_replication(begin()));
    EXPECT_EQ(client.next().type, 'W');
    const std::string expected = wal(begin(), end());
    EXPECT_TRUE(client.wal(expected.size()) == expected);
    const auto before = end();
    server.publish(grow(40'000));
    const std::string more = wal(before, end());
    EXPECT_TRUE(client.wal(more.size()) == more);
  }
}

TEST_F(TlsTest, ASlowReaderGetsEveryByte) {
  EncryptedClient client(server, {}, /*asks=*/true, /*receive_buffer_bytes=*/1);
  ASSERT_TRUE(client.start_up());
  client.send(start_replication(begin()));
  EXPECT_EQ(client.next().type, 'W');
  const auto from = end();
  server.publish(grow(3'000'000));
  const std::string before = wal(begin(), from);
  EXPECT_TRUE(client.wal(before.size()) == before);
  const std::string rest = wal(from, end());
  EXPECT_TRUE(client.wal(rest.size()) == rest);
}

// Many commands come with one record, or with records that come at once.
TEST_F(TlsTest, CommandsThatComeTogetherAreAllAnswered) {
  EncryptedClient client(server, {});
  ASSERT_TRUE(client.start_up());
  std::string commands;
  for (int i = 0; i < 100; ++i) commands += query("IDENTIFY_SYSTEM");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client.send(commands));
  for (int answered = 0; answered < 500;) {
    const Message message = client.next();
    ASSERT_NE(message.type, 0);
    if (message.type == 'Z') ++answered;
  }
}

// A message in three records, of which two come at once, waited for the next event of the socket.
TEST_F(TlsTest, AMessageMayComeInManyRecords) {
  EncryptedClient client(server, {});
  ASSERT_TRUE(client.start_up());
  const std::string command = query("IDENTIFY_SYSTEM" + std::string(900, ' '));
  for (const std::size_t piece_bytes : {100u, 310u, 500u}) {
    for (std::size_t at = 0; at < command.size(); at += piece_bytes) {
      ASSERT_TRUE(client.send(command.substr(at, piece_bytes)));
    }
    EXPECT_EQ(client.next().type, 'T');
    while (client.next().type != 'Z') {
    }
  }
}

TEST_F(TlsTest, TheEndIsSaid) {
  EncryptedClient client(server, {});
  ASSERT_TRUE(client.start_up());
  client.send(client_message('X', ""));
  EXPECT_EQ(client.next().type, 0);
  EXPECT_TRUE(client.has_ended());
}

TEST_F(TlsTest, APlainClientComesInToo) {
  TestClient client(server.port());
  EXPECT_TRUE(client.start_up());
}

// CVE-2021-23214, as PostgreSQL 15 has it: an attacker's bytes are not taken for the client's.
TEST_F(TlsTest, WhatCameBeforeTheHandshakeIsRefusedBehindIt) {
  TestClient client(server.port());
  ASSERT_TRUE(client.send(kSslRequest + startup_packet(walreceiver_parameters())));
  ASSERT_EQ(client.raw(1), "S");
  TlsClient tls(client.fd(), {});
  ASSERT_EQ(tls.connect(), 1);
  std::string received;
  while (tls.receive_into(received)) {
  }
  const auto messages = take_messages(received);
  ASSERT_EQ(types_of(messages), "E");
  EXPECT_EQ(field(messages[0], 'S'), "FATAL");
  EXPECT_EQ(field(messages[0], 'C'), "08P01");
  EXPECT_EQ(field(messages[0], 'M'), "received unencrypted data after SSL request");
}

TEST_F(TlsTest, WithinTlsNoEncryptionIsGranted) {
  EncryptedClient client(server, {});
  ASSERT_TRUE(client.connect());
  ASSERT_TRUE(client.send(kSslRequest));
  const Message answer = client.next();
  EXPECT_EQ(answer.type, 'E');
  EXPECT_EQ(field(answer, 'M'),
            "unsupported frontend protocol 1234.5679: server supports 3.0 to 3.0");
}

// The server's key is of no use for RSA.
TEST_F(TlsTest, AHandshakeThatFailsIsLogged) {
  LogPipe log;
  EncryptedClient client(server,
                         {.version_max = TLS1_2_VERSION, .ciphers = "ECDHE-RSA-AES128-GCM-SHA256"});
  EXPECT_FALSE(client.connect());
  EXPECT_TRUE(log.wait_for("could not accept SSL connection: no shared cipher"));
  EXPECT_TRUE(server.wait_for_sessions(0));
}

// Those that say nothing, or not all of a handshake, and go.
TEST_F(TlsTest, NothingIsLeftOfHandshakesThatEndInTheMiddle) {
  EncryptedClient first(server, {});
  ASSERT_TRUE(first.connect());
  TestClient witness(server.port());
  ASSERT_TRUE(witness.start_up());
  std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  hello.resize(hello.size() + 505, 'h');
  for (std::size_t cut = 0; cut < hello.size(); cut += 23) {
    TestClient client(server.port());
    client.send(kSslRequest);
    ASSERT_EQ(client.raw(1), "S");
    client.send(hello.substr(0, cut));
  }
  EXPECT_TRUE(server.wait_for_sessions(2));
}

// A worker's loop shakes no hands: its live stream goes on while many come.
TEST_F(TlsTest, ManyAtOnceAreQueued) {
  TestClient live(server.port());
  ASSERT_TRUE(live.start_up());
  live.send(start_replication(end()));
  EXPECT_EQ(live.next().type, 'W');
  std::vector<std::unique_ptr<TestClient>> crowd;
  for (int i = 0; i < 100; ++i) {
    crowd.push_back(std::make_unique<TestClient>(server.port()));
    crowd.back()->send(kSslRequest);
  }
  std::vector<std::unique_ptr<TlsClient>> handshakes;
  for (const auto& client : crowd) {
    ASSERT_EQ(client->raw(1), "S");
    handshakes.push_back(std::make_unique<TlsClient>(client->fd(), TlsClient::Options{}));
    const int flags = ::fcntl(client->fd(), F_GETFL);
    ::fcntl(client->fd(), F_SETFL, flags | O_NONBLOCK);
    handshakes.back()->connect();  // its first message goes out; the answer may be here already
    ::fcntl(client->fd(), F_SETFL, flags);
  }
  const auto before = end();
  server.publish(grow(10'000));
  EXPECT_TRUE(live.wal(end() - before) == wal(before, end()));
  for (const auto& tls : handshakes) EXPECT_EQ(tls->connect(), 1);
}

TEST_F(DirectTlsTest, AClientMayBeginWithItsHandshake) {
  EncryptedClient client(server, {.authority = ca_file, .alpn = "\x0apostgresql"}, /*asks=*/false);
  ASSERT_TRUE(client.start_up());
  client.send(start_replication(begin()));
  EXPECT_EQ(client.next().type, 'W');
  const std::string expected = wal(begin(), end());
  EXPECT_TRUE(client.wal(expected.size()) == expected);
}

TEST_F(DirectTlsTest, ButNotWithoutALPN) {
  LogPipe log;
  EncryptedClient client(server, {}, /*asks=*/false);
  client.connect();  // which is done for the client before it is judged
  EXPECT_EQ(client.next().type, 0);
  EXPECT_TRUE(log.wait_for(
      "received direct SSL connection request without ALPN protocol negotiation extension"));
  EXPECT_TRUE(server.wait_for_sessions(0));
}

// A byte of each made the server keep 160 kB, of which there is as much as its memory has.
TEST_F(SmallDirectTlsTest, OnesThatBeginAndStopLeaveRoomForOthers) {
  std::vector<std::unique_ptr<TestClient>> crowd;
  for (int i = 0; i < 20; ++i) {
    crowd.push_back(std::make_unique<TestClient>(server.port()));
    ASSERT_TRUE(crowd.back()->send("\x16"));
  }
  EncryptedClient client(server, {.alpn = "\x0apostgresql"}, /*asks=*/false);
  EXPECT_TRUE(client.start_up());
  TestClient plain(server.port());
  EXPECT_TRUE(plain.start_up());
}

TEST_F(DirectTlsTest, ClientsThatAskComeInAsEver) {
  EncryptedClient client(server, {});
  EXPECT_TRUE(client.start_up());
  TestClient plain(server.port());
  EXPECT_TRUE(plain.start_up());
}

// The worker had no context any more for the handshake that it awaited, and used it.
TEST_F(DirectTlsTest, AHandshakeThatBeginsWhenTlsIsOffAgainIsNoStartUpPacket) {
  LogPipe log;
  TestClient client(server.port());
  ASSERT_TRUE(server.wait_for_sessions(1));
  server.end_tls();
  ASSERT_TRUE(client.send("\x16\x03\x01"));
  EXPECT_TRUE(log.wait_for("invalid length of startup packet"));
  EXPECT_TRUE(server.wait_for_sessions(0));
}

TEST_F(TlsTest, BeforeVersion17AHandshakeIsNoStartUpPacket) {
  EncryptedClient client(server, {.alpn = "\x0apostgresql"}, /*asks=*/false);
  EXPECT_FALSE(client.connect());
  EXPECT_TRUE(server.wait_for_sessions(0));
}

}  // namespace

}  // namespace tests
