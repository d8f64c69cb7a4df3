#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "server/stream/connection.h"
#include "tests/support/certificates.h"
#include "tests/support/socket_pair.h"
#include "tests/support/tls_client.h"

namespace tests {

using runtime::IoResult;
using runtime::TlsChannel;
using server::stream::Connection;

namespace {

// A connection that has TLS, whose handler receives whatever comes.
class ConnectionTlsTest : public ::testing::Test, private runtime::Loop::Handler {
 protected:
  void SetUp() override {
    loop_.turn_for_test();
    const auto own = authority_.issue(directory_, {.common_name = "server"});
    auto context = runtime::TlsContext::load(
        {.certificate_file = own.certificate, .private_key_file = own.key});
    ASSERT_TRUE(context.has_value());
    auto socket = connection_.lend();
    auto channel = std::make_unique<TlsChannel>(*context, socket.get());
    do client_.connect();
    while (channel->shake_hands() != TlsChannel::Step::kDone);
    client_.connect();
    connection_.take_back(std::move(socket), std::move(channel));
  }
  void on_ready(std::uint32_t events) override {
    events_ |= events;
    std::byte buffer[1000];
    if (connection_.reading()) connection_.receive(buffer);
  }
  // What epoll tells in one turn.
  std::uint32_t events() {
    loop_.turn_for_test();
    return std::exchange(events_, 0);
  }
  void ask_for_new_keys() {
    ASSERT_EQ(SSL_key_update(&client_.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(&client_.ssl()), 1);
  }
  void ask_until_input_waits() {
    for (int i = 0; i < 5'000 && !connection_.input_waits_for_output(); ++i) {
      ask_for_new_keys();
      for (int turn = 0; turn < 3; ++turn) events();
    }
    ASSERT_TRUE(connection_.input_waits_for_output());
  }

  TempDir directory_;
  const Authority authority_{"authority"};
  runtime::FakeClock clock_;
  runtime::Loop loop_{clock_, {}};
  memctx::Context context_{"Session"};
  server::stream::MemoryBudget budget_{std::size_t{1} << 20};
  server::stream::MemoryShare memory_{budget_, context_};
  SocketPair sockets_{4096};
  std::uint32_t events_ = 0;
  TlsClient client_{sockets_.peer.get(), {}};
  Connection connection_{loop_, *this, std::move(sockets_.ours), context_, &memory_};
};

// Input that waits for output was told of in every turn, without end.
TEST_F(ConnectionTlsTest, InputThatWaitsForOutputIsNotAskedFor) {
  ask_until_input_waits();
  ask_for_new_keys();
  EXPECT_EQ(events(), 0u);
  std::string received;
  receive_into(received, sockets_.peer.get());
  EXPECT_NE(events() & EPOLLOUT, 0u);
}

TEST_F(ConnectionTlsTest, NorIsItsRoomWhereNothingIsRead) {
  ask_until_input_waits();
  connection_.set_reading(false);
  std::string received;
  receive_into(received, sockets_.peer.get());
  EXPECT_EQ(events(), 0u);
  connection_.set_reading(true);
  EXPECT_NE(events() & EPOLLOUT, 0u);
}

TEST_F(ConnectionTlsTest, AnswersOfTlsThatWaitAreCounted) {
  ask_until_input_waits();
  EXPECT_TRUE(connection_.has_unsent_records());
  EXPECT_GE(budget_.used(), TlsChannel::kUnsentMemoryBytes);
}

}  // namespace

}  // namespace tests
