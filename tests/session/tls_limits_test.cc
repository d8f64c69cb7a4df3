#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/session/session_loop.h"
#include "tests/support/certificates.h"
#include "tests/support/socket_pair.h"
#include "tests/support/tls_client.h"

// What a client may make TLS cost.

namespace tests {

namespace {

using runtime::TlsChannel;

const std::string kSslRequest("\0\0\0\x08\x04\xd2\x16\x2f", 8);

class TlsLimitsTest : public ::testing::Test, protected SessionOnLoop {
 protected:
  TlsLimitsTest() {
    const auto own = authority_.issue(directory_, {.common_name = "server"});
    environment.tls = runtime::TlsContext::load(
                          {.certificate_file = own.certificate, .private_key_file = own.key})
                          .value();
  }
  void request() {
    say(kSslRequest);
    ASSERT_EQ(heard(), "S");
  }
  bool shake_hands() {
    return rig.turn_until([&] { return tls_.connect() == 1; }) &&
           rig.turn_until([&] { return memory.used() < TlsChannel::kHandshakeMemoryBytes; });
  }
  void ask_for_new_keys() {
    ASSERT_EQ(SSL_key_update(&tls_.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(&tls_.ssl()), 1);
  }

  TempDir directory_;
  const Authority authority_{"authority"};
  TlsClient tls_{sockets.peer.get(), {}};
};

// What a few bytes made the server keep was in no budget.
TEST_F(TlsLimitsTest, AHandshakeCountsFromItsFirstByteToItsEnd) {
  request();
  EXPECT_LT(memory.used(), 1000u);
  tls_.connect();
  rig.loop.turn_for_test();
  EXPECT_GE(memory.used(), TlsChannel::kHandshakeMemoryBytes);
  EXPECT_TRUE(shake_hands());
  EXPECT_FALSE(over());
}

// It waited on until another handshake ended, while the memory was given back by whatever else.
TEST_F(TlsLimitsTest, AHandshakeWaitsWhileTheMemoryIsUsedUp) {
  request();
  constexpr std::size_t kAll = kMemoryMax;
  memory.change(0, kAll);
  tls_.connect();
  rig.loop.turn_for_test();
  EXPECT_EQ(handshakes.running(), 0u);
  EXPECT_LT(memory.used(), kAll + 1000);
  EXPECT_FALSE(over());
  memory.change(kAll, kAll - 1000);
  rig.loop.turn_for_test();
  EXPECT_EQ(handshakes.running(), 0u) << "so little does not help it";
  memory.change(kAll - 1000, 0);
  EXPECT_TRUE(shake_hands());
}

// What the session itself keeps was added only after it had been let begin.
TEST_F(TlsLimitsTest, AHandshakeForWhichTheMemoryIsNearlyEnoughWaitsToo) {
  request();
  const std::size_t others = kMemoryMax - TlsChannel::kHandshakeMemoryBytes;
  memory.change(0, others);
  tls_.connect();
  rig.loop.turn_for_test();
  EXPECT_EQ(handshakes.running(), 0u);
  EXPECT_FALSE(over());
  memory.change(others, 0);
  EXPECT_TRUE(shake_hands());
}

// What TLS answers by itself had no time in which it was to be read.
TEST_F(TlsLimitsTest, AClientThatReadsNoAnswersOfTlsHasToGo) {
  options.client_write_timeout = std::chrono::seconds(30);
  request();
  ASSERT_TRUE(shake_hands());
  ASSERT_TRUE(tls_.send(startup_packet(walreceiver_parameters())));
  std::string received;
  ASSERT_TRUE(rig.turn_until([&] {
    tls_.receive_into(received);
    return received.ends_with(std::string("Z\0\0\0\5I", 6));
  }));
  for (int i = 0; i < 500; ++i) {
    ask_for_new_keys();
    for (int turn = 0; turn < 3; ++turn) rig.loop.turn_for_test();
  }
  ASSERT_FALSE(over());
  pass(options.client_write_timeout);
  if (!over()) pass(options.client_write_timeout);
  EXPECT_TRUE(over());
}

}  // namespace

}  // namespace tests
