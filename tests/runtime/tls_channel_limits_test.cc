#include <gtest/gtest.h>
#include <malloc.h>

#include <memory>
#include <string>

#include "runtime/tls_channel.h"
#include "tests/support/certificates.h"
#include "tests/support/socket_pair.h"
#include "tests/support/tls_client.h"

// What a client may make a channel do.

namespace runtime {
namespace {

using Step = TlsChannel::Step;
using Status = IoResult::Status;

struct TlsChannelLimitsTest : ::testing::Test {
  std::shared_ptr<const TlsContext> load() const {
    const auto own = authority.issue(directory, {.common_name = "server"});
    return TlsContext::load({.certificate_file = own.certificate, .private_key_file = own.key})
        .value();
  }
  Step shake() {
    Step step = Step::kWantsInput;
    for (int i = 0; i < 20 && step != Step::kDone && step != Step::kFailed; ++i) {
      client.connect();
      step = channel.shake_hands();
    }
    client.connect();
    return step;
  }
  std::string receive() {
    std::string bytes(1000, '\0');
    const IoResult result = channel.receive(std::as_writable_bytes(std::span(bytes)));
    bytes.resize(result.status == Status::kDone ? result.bytes : 0);
    return bytes;
  }

  tests::TempDir directory;
  const tests::Authority authority{"authority"};
  const std::shared_ptr<const TlsContext> context = load();
  tests::SocketPair sockets;
  TlsChannel channel{context, sockets.ours.get()};
  tests::TlsClient client{sockets.peer.get(), {}};
};

// One call answered as many requests for new keys as had come, and more that came meanwhile.
TEST_F(TlsChannelLimitsTest, OneCallTakesOneRequestForNewKeys) {
  ASSERT_EQ(shake(), Step::kDone);
  constexpr int kRequests = 100;
  for (int i = 0; i < kRequests; ++i) {
    ASSERT_EQ(SSL_key_update(&client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(&client.ssl()), 1);
  }
  ASSERT_TRUE(client.send("more"));
  int calls = 1;
  while (receive() != "more" && calls < 10 * kRequests) ++calls;
  EXPECT_GT(calls, kRequests);
  EXPECT_LE(calls, 3 * kRequests);
}

// The server aborted where OpenSSL made four records of what was given to it as one.
TEST_F(TlsChannelLimitsTest, AClientMayWantSmallRecords) {
  tests::SocketPair::set_send_buffer(sockets.ours.get(), 1);
  SSL_set_tlsext_max_fragment_length(&client.ssl(), TLSEXT_max_fragment_length_512);
  ASSERT_EQ(shake(), Step::kDone);
  const std::string sent(100'000, 'w');
  std::string received;
  for (std::size_t at = 0; at < sent.size();) {
    const iovec piece{const_cast<char*>(sent.data()) + at, sent.size() - at};
    const IoResult result = channel.send({&piece, 1});
    ASSERT_NE(result.status, Status::kFailed);
    at += result.bytes;
    client.receive_into(received);
  }
  while (channel.flush() == Status::kBlocked) client.receive_into(received);
  while (client.receive_into(received)) {
  }
  EXPECT_TRUE(received == sent);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
std::size_t memory_in_use() {
  const auto given = ::mallinfo2();
  return given.uordblks + given.hblkhd;
}

// The first bytes of a client's message that is to be as long as one may be.
TEST_F(TlsChannelLimitsTest, TheMemoryOfAHandshakeIsWithinTheEstimate) {
  const std::string hello("\x16\x03\x01\x40\x00\x01\x02\x01\x00\x03\x03", 11);
  const auto before = memory_in_use();
  TlsChannel another(context, sockets.ours.get());
  ASSERT_EQ(::send(sockets.peer.get(), hello.data(), hello.size(), 0), 11);
  EXPECT_EQ(another.shake_hands(), Step::kWantsInput);
  EXPECT_LT(memory_in_use() - before, TlsChannel::kHandshakeMemoryBytes);
}

#endif

}  // namespace
}  // namespace runtime
