#include "runtime/tls_channel.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <string>
#include <vector>

#include "tests/support/certificates.h"
#include "tests/support/random_seed.h"
#include "tests/support/socket_pair.h"
#include "tests/support/tls_client.h"

namespace runtime {
namespace {

using Step = TlsChannel::Step;
using Status = IoResult::Status;

iovec piece_of(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

struct TlsChannelTest : ::testing::Test {
  TlsChannelTest() {
    ::signal(SIGPIPE, SIG_IGN);  // as the server does
    const auto own = authority.issue(directory, {.common_name = "server"});
    options.certificate_file = own.certificate;
    options.private_key_file = own.key;
    ca_file = authority.certificate(directory);
  }

  std::shared_ptr<const TlsContext> context() const {
    auto loaded = TlsContext::load(options);
    CHECK(loaded.has_value());
    return *loaded;
  }
  // Both ends, until the server's is done or has failed.
  static Step shake(TlsChannel& channel, tests::TlsClient& client) {
    Step step = Step::kWantsInput;
    for (int i = 0; i < 20 && step != Step::kDone && step != Step::kFailed; ++i) {
      client.connect();
      step = channel.shake_hands();
    }
    client.connect();
    return step;
  }

  tests::TempDir directory;
  const tests::Authority authority{"authority"};
  TlsOptions options;
  std::string ca_file;
};

// A client and a channel that have shaken hands.
struct Connected {
  explicit Connected(std::shared_ptr<const TlsContext> context,
                     const tests::TlsClient::Options& options = {}, int send_buffer_bytes = 0)
      : sockets(send_buffer_bytes),
        channel(std::move(context), sockets.ours.get()),
        client(sockets.peer.get(), options) {
    EXPECT_EQ(TlsChannelTest::shake(channel, client), Step::kDone) << channel.failure().what;
  }
  IoResult send(std::string_view bytes) {
    const iovec piece = piece_of(bytes);
    return channel.send({&piece, 1});
  }
  std::string receive() {
    std::string bytes(64 * 1024, '\0');
    const IoResult result = channel.receive(std::as_writable_bytes(std::span(bytes)));
    bytes.resize(result.status == Status::kDone ? result.bytes : 0);
    return bytes;
  }
  bool has_input() const {
    pollfd readable{.fd = sockets.ours.get(), .events = POLLIN, .revents = 0};
    return ::poll(&readable, 1, 0) == 1;
  }

  tests::SocketPair sockets;
  TlsChannel channel;
  tests::TlsClient client;
};

TEST_F(TlsChannelTest, AgreesOnWhatTheClientCan) {
  Connected newest(context(), {.authority = ca_file});
  const auto agreed = newest.channel.agreement();
  ASSERT_TRUE(agreed.has_value());
  EXPECT_EQ(agreed->version, "TLSv1.3");
  EXPECT_EQ(agreed->cipher, "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(agreed->bits, 256);
  EXPECT_FALSE(agreed->client.has_value());
  EXPECT_FALSE(agreed->has_alpn);
  Connected older(context(), {.authority = ca_file, .version_max = TLS1_2_VERSION});
  EXPECT_EQ(older.channel.agreement()->version, "TLSv1.2");
}

TEST_F(TlsChannelTest, KnowsTheNamesOfAClientsCertificate) {
  options.ca_file = ca_file;
  const auto own = authority.issue(directory, {.common_name = "standby, one", .serial = 2});
  Connected connected(context(), {.own = own});
  const auto agreed = connected.channel.agreement();
  ASSERT_TRUE(agreed.has_value() && agreed->client.has_value());
  EXPECT_EQ(agreed->client->common_name, "standby, one");
  EXPECT_EQ(agreed->client->distinguished_name, "CN=standby\\, one,O=walcast");
}

TEST_F(TlsChannelTest, RefusesACommonNameWithAZeroByte) {
  options.ca_file = ca_file;
  const auto own =
      authority.issue(directory, {.common_name = std::string("boss\0.com", 9), .serial = 3});
  Connected connected(context(), {.own = own});
  const auto agreed = connected.channel.agreement();
  ASSERT_FALSE(agreed.has_value());
  EXPECT_EQ(agreed.error().what, "SSL certificate's common name contains embedded null");
}

TEST_F(TlsChannelTest, RefusesCertificatesThatDoNotHold) {
  options.ca_file = ca_file;
  const tests::Authority stranger("stranger");
  const auto check = [&](const tests::Authority::Files& own, std::string_view detail) {
    tests::SocketPair sockets;
    TlsChannel channel(context(), sockets.ours.get());
    tests::TlsClient client(sockets.peer.get(), {.own = own});
    EXPECT_EQ(shake(channel, client), Step::kFailed);
    EXPECT_EQ(channel.failure().what, "could not accept SSL connection: certificate verify failed");
    EXPECT_EQ(channel.failure().detail, detail);
  };
  check(authority.issue(directory, {.common_name = "old", .serial = 5, .days_valid = -1}),
        "Client certificate verification failed: certificate has expired.");
  check(stranger.issue(directory, {.common_name = "x"}),
        "Client certificate verification failed: unable to get local issuer certificate.");
  options.crl_file = authority.revocations(directory, {6});
  check(authority.issue(directory, {.common_name = "gone", .serial = 6}),
        "Client certificate verification failed: certificate revoked.");
  Connected still_good(context(),
                       {.own = authority.issue(directory, {.common_name = "good", .serial = 7})});
}

TEST_F(TlsChannelTest, ALPNIsForThisProtocolAlone) {
  options.alpn = "postgresql";
  Connected named(context(), {.alpn = "\x04http\x0apostgresql"});
  EXPECT_TRUE(named.channel.agreement()->has_alpn);
  Connected unnamed(context());
  EXPECT_FALSE(unnamed.channel.agreement()->has_alpn);
  tests::SocketPair sockets;
  TlsChannel channel(context(), sockets.ours.get());
  tests::TlsClient client(sockets.peer.get(), {.alpn = "\x04http"});
  EXPECT_EQ(shake(channel, client), Step::kFailed);
}

TEST_F(TlsChannelTest, HintsAtVersionsThatDoNotMeet) {
  options.version_min = TlsVersion::kTls13;
  tests::SocketPair sockets;
  TlsChannel channel(context(), sockets.ours.get());
  tests::TlsClient client(sockets.peer.get(), {.version_max = TLS1_2_VERSION});
  EXPECT_EQ(shake(channel, client), Step::kFailed);
  EXPECT_EQ(channel.failure().what, "could not accept SSL connection: unsupported protocol");
  EXPECT_EQ(channel.failure().hint,
            "This may indicate that the client does not support any SSL protocol version between "
            "TLSv1.3 and TLSv1.3.");
}

TEST_F(TlsChannelTest, GarbageIsNoHandshake) {
  for (const std::string_view garbage :
       {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff garbage",
        "\x80\x2e\x01\x03\x01 such as a hello of a time that is long ago"}) {
    tests::SocketPair sockets;
    TlsChannel channel(context(), sockets.ours.get());
    ASSERT_EQ(::send(sockets.peer.get(), garbage.data(), garbage.size(), 0),
              static_cast<ssize_t>(garbage.size()));
    EXPECT_EQ(channel.shake_hands(), Step::kFailed);
    EXPECT_EQ(channel.failure().what.find("could not accept SSL connection: "), 0u);
  }
}

// A client's part of a handshake, which it says whole and then cut off at each byte.
TEST_F(TlsChannelTest, AHandshakeMayComeByteByByteOrEndAtAnyByte) {
  tests::SocketPair sockets;
  tests::TlsClient client(sockets.peer.get(), {});
  client.connect();
  std::string hello;
  ASSERT_TRUE(tests::receive_into(hello, sockets.ours.get()));
  for (std::size_t cut = 0; cut <= hello.size(); ++cut) {
    tests::SocketPair own;
    TlsChannel channel(context(), own.ours.get());
    for (std::size_t i = 0; i < cut; ++i) {
      ASSERT_EQ(channel.shake_hands(), Step::kWantsInput);
      ASSERT_EQ(::send(own.peer.get(), &hello[i], 1, 0), 1);
    }
    EXPECT_EQ(channel.shake_hands(), Step::kWantsInput);
    own.peer.reset();
    EXPECT_EQ(channel.shake_hands(), Step::kFailed) << cut;
  }
}

TEST_F(TlsChannelTest, ASmallSocketMakesBothEndsWait) {
  tests::SocketPair sockets(/*send_buffer_bytes=*/1);
  tests::SocketPair::set_send_buffer(sockets.peer.get(), 1);
  TlsChannel channel(context(), sockets.ours.get());
  tests::TlsClient client(sockets.peer.get(), {.authority = ca_file});
  EXPECT_EQ(shake(channel, client), Step::kDone) << channel.failure().what;
}

// The header of a message and its WAL, through sockets that take little at a time. The bytes that
// wait are the channel's: the caller's change meanwhile.
TEST_F(TlsChannelTest, WhatIsSentArrivesByteForByte) {
  std::mt19937_64 random(tests::random_seed());
  for (const int send_buffer_bytes : {1, 20'000, 0}) {
    Connected connected(context(), {}, send_buffer_bytes);
    std::string sent;
    std::string received;
    for (int message = 0; message < 60; ++message) {
      std::string header(30, static_cast<char>('a' + message % 26));
      std::string wal(random() % 140'000, '\0');
      for (char& c : wal) c = static_cast<char>(random());
      std::string rest = header + wal;
      sent += rest;
      for (bool first = true; !rest.empty(); first = false) {
        const std::size_t in_header = first ? header.size() : 0;
        const iovec pieces[]{piece_of(std::string_view(rest).substr(0, in_header)),
                             piece_of(std::string_view(rest).substr(in_header))};
        const IoResult result = connected.channel.send(pieces);
        ASSERT_NE(result.status, Status::kFailed) << connected.channel.failure().what;
        if (result.status == Status::kDone) {
          std::fill_n(rest.begin(), result.bytes, '#');
          rest.erase(0, result.bytes);
        }
        while (result.status == Status::kBlocked && connected.client.receive_into(received)) {
        }
      }
    }
    while (connected.channel.flush() == Status::kBlocked) connected.client.receive_into(received);
    while (connected.client.receive_into(received)) {
    }
    EXPECT_EQ(received.size(), sent.size());
    EXPECT_TRUE(received == sent);
  }
}

// What is read ahead of a record that is wanted would have to be asked for without an event.
TEST_F(TlsChannelTest, ARecordIsReadWhenItIsAskedFor) {
  Connected connected(context());
  EXPECT_EQ(connected.receive(), "");
  ASSERT_TRUE(connected.client.send("one") && connected.client.send("two"));
  EXPECT_EQ(connected.receive(), "one");
  EXPECT_FALSE(connected.channel.has_unread());
  EXPECT_TRUE(connected.has_input());
  std::byte byte{};
  EXPECT_EQ(connected.channel.receive({&byte, 1}).bytes, 1u);
  EXPECT_FALSE(connected.has_input());
  EXPECT_TRUE(connected.channel.has_unread());
  EXPECT_EQ(connected.receive(), "wo");
  EXPECT_FALSE(connected.channel.has_unread());
}

// The client asks for new keys while the server's socket is full: what it has to answer waits for
// what it had to send, and the other way round.
TEST_F(TlsChannelTest, NewKeysMayBeAskedForAtAnyTime) {
  Connected connected(context(), {}, /*send_buffer_bytes=*/1);
  const std::string wal(100'000, 'w');
  std::string received;
  std::size_t sent = 0;
  for (int round = 0; round < 50; ++round) {
    for (IoResult result = connected.send(wal); result.status == Status::kDone;
         result = connected.send(wal)) {
      sent += result.bytes;
    }
    ASSERT_EQ(SSL_key_update(&connected.client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_TRUE(connected.client.send("more"));
    std::string said;
    for (int i = 0; i < 10'000 && said.empty(); ++i) {
      said = connected.receive();
      connected.client.receive_into(received);
      connected.channel.flush();
    }
    EXPECT_EQ(said, "more");
  }
  while (connected.channel.flush() == Status::kBlocked) connected.client.receive_into(received);
  while (connected.client.receive_into(received)) {
  }
  EXPECT_EQ(received.size(), sent);
  EXPECT_EQ(received.find_first_not_of('w'), std::string::npos);
}

TEST_F(TlsChannelTest, TheClientSeesThatTheEndIsMeant) {
  Connected connected(context());
  ASSERT_EQ(connected.send("last words").status, Status::kDone);
  connected.channel.say_end();
  std::string received;
  while (connected.client.receive_into(received)) {
  }
  EXPECT_EQ(received, "last words");
  EXPECT_TRUE(connected.client.has_ended());
}

TEST_F(TlsChannelTest, AClientThatIsGoneSendsNoMore) {
  for (const bool says_end : {true, false}) {
    Connected connected(context());
    if (says_end) SSL_shutdown(&connected.client.ssl());
    connected.sockets.peer.reset();
    std::byte byte{};
    EXPECT_EQ(connected.channel.receive({&byte, 1}).status, Status::kEnd);
    EXPECT_EQ(connected.send("into the void").status, Status::kFailed);
  }
}

TEST_F(TlsChannelTest, ARecordThatWasChangedOnItsWayEndsTheConnection) {
  Connected connected(context());
  std::string forged("\x17\x03\x03\x00\x20", 5);
  forged.resize(forged.size() + 32, 'x');
  ASSERT_EQ(::send(connected.sockets.peer.get(), forged.data(), forged.size(), 0), 37);
  std::byte byte{};
  EXPECT_EQ(connected.channel.receive({&byte, 1}).status, Status::kFailed);
  EXPECT_EQ(connected.channel.failure().what, "SSL error: decryption failed or bad record mac");
}

TEST_F(TlsChannelTest, OlderConnectionsKeepTheCertificateThatTheyHaveSeen) {
  auto before = context();
  Connected old(before);
  const std::string old_end_point = before->end_point();
  const auto renewed = authority.issue(directory, {.common_name = "renewed", .serial = 9});
  options.certificate_file = renewed.certificate;
  options.private_key_file = renewed.key;
  before.reset();
  Connected fresh(context(), {.authority = ca_file});
  EXPECT_NE(context()->end_point(), old_end_point);
  ASSERT_EQ(old.send("still here").status, Status::kDone);
  std::string received;
  EXPECT_TRUE(old.client.receive_into(received));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// What malloc has given out for the server's ends of many connections alone.
TEST_F(TlsChannelTest, ItsMemoryIsWithinTheEstimate) {
  constexpr std::size_t kConnections = 100;
  const auto shared = context();
  std::vector<std::unique_ptr<Connected>> clients;
  for (std::size_t i = 0; i < kConnections; ++i) {
    clients.push_back(std::make_unique<Connected>(shared));
    clients.back()->receive();
  }
  const auto in_use = [] { return ::mallinfo2().uordblks; };
  const auto both = in_use();
  for (const auto& connected : clients) {
    connected->channel.~TlsChannel();
    new (&connected->channel) TlsChannel(shared, connected->sockets.ours.get());
  }
  const auto fresh = in_use();
  for (const auto& connected : clients) {
    connected->channel.~TlsChannel();
  }
  const auto none = in_use();
  const std::size_t idle = (both - none) / kConnections;
  std::printf("memory of an idle channel: %zu bytes; before its handshake: %zu bytes\n", idle,
              (fresh - none) / kConnections);
  EXPECT_LT(idle, TlsChannel::kMemoryBytes);
  for (const auto& connected : clients) {
    new (&connected->channel) TlsChannel(shared, connected->sockets.ours.get());
  }
}
#endif

}  // namespace
}  // namespace runtime
