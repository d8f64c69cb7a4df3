#include "server/stream/connection.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/random_seed.h"
#include "tests/support/replication_messages.h"
#include "tests/support/socket_pair.h"

namespace tests {

using runtime::IoResult;
using server::stream::Connection;

namespace {

class ConnectionTest : public ::testing::Test, private runtime::Loop::Handler {
 protected:
  void SetUp() override { loop_.turn_for_test(); }
  void on_ready(std::uint32_t events) override { events_ |= events; }

  // What epoll has told since the last call.
  std::uint32_t events() {
    loop_.turn_for_test();
    return std::exchange(events_, 0);
  }
  void queue(std::string_view text) { connection_.queue(as_bytes(text)); }
  std::string drain() {
    std::string received;
    while (receive_into(received, sockets_.peer.get())) {
    }
    return received;
  }

  runtime::FakeClock clock_;
  runtime::Loop loop_{clock_, {}};
  memctx::Context context_{"Session"};
  SocketPair sockets_{4096};
  std::uint32_t events_ = 0;
  Connection connection_{loop_, *this, std::move(sockets_.ours), context_};
};

TEST_F(ConnectionTest, SmallMessagesTakeNoMemory) {
  const auto before = context_.subtree_stats().used_bytes();
  for (int i = 0; i < 4; ++i) queue(std::string(24, 'k'));
  EXPECT_EQ(context_.subtree_stats().used_bytes(), before);
  EXPECT_EQ(connection_.flush(), IoResult::Status::kDone);
  EXPECT_EQ(drain(), std::string(96, 'k'));
}

TEST_F(ConnectionTest, WhatDoesNotFitKeepsItsOrderAndIsFreedWhenSent) {
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string part(static_cast<std::size_t>(1 + i % 40), static_cast<char>('a' + i % 26));
    queue(part);
    expected += part;
  }
  EXPECT_EQ(connection_.queued_bytes(), expected.size());
  EXPECT_GE(context_.subtree_stats().used_bytes(), expected.size());
  EXPECT_EQ(connection_.flush(), IoResult::Status::kDone);
  EXPECT_EQ(connection_.queued_bytes(), 0u);
  EXPECT_LT(context_.subtree_stats().used_bytes(), 100u);
  EXPECT_EQ(drain(), expected);
}

TEST_F(ConnectionTest, WhatIsQueuedFirstComesBeforeWhatWaits) {
  const std::string large(100'000, 'w');
  queue("kk");
  connection_.queue_first(as_bytes("h"), as_bytes(large));
  queue("z");
  std::string received;
  while (connection_.flush() == IoResult::Status::kBlocked) received += drain();
  EXPECT_EQ(received + drain(), "h" + large + "kkz");
}

TEST_F(ConnectionTest, AsksForEpolloutOnlyWhileItIsBlocked) {
  EXPECT_EQ(events() & EPOLLOUT, 0u);
  queue(std::string(1 << 20, 'x'));
  ASSERT_EQ(connection_.flush(), IoResult::Status::kBlocked);
  connection_.set_blocked(true);
  EXPECT_EQ(events() & EPOLLOUT, 0u) << "the socket is still full";
  drain();
  EXPECT_NE(events() & EPOLLOUT, 0u);
  connection_.set_blocked(false);
  EXPECT_EQ(events() & EPOLLOUT, 0u);
}

TEST_F(ConnectionTest, InputIsLeftInTheSocketWhileItDoesNotRead) {
  connection_.set_reading(false);
  ASSERT_EQ(::send(sockets_.peer.get(), "x", 1, MSG_NOSIGNAL), 1);
  EXPECT_EQ(events() & EPOLLIN, 0u);
  connection_.set_reading(true);
  EXPECT_NE(events() & EPOLLIN, 0u);
}

TEST_F(ConnectionTest, ABrokenConnectionFails) {
  sockets_.peer.reset();
  queue("x");
  EXPECT_EQ(connection_.flush(), IoResult::Status::kFailed);
}

// Bytes that were sent kept their place in the buffer until it ran empty, so a queue that never did
// took new memory without end.
TEST_F(ConnectionTest, AQueueThatNeverRunsEmptyDoesNotGrow) {
  queue(std::string(1 << 20, 'x'));
  ASSERT_EQ(connection_.flush(), IoResult::Status::kBlocked);
  std::string received;
  for (int round = 0; round < 2000; ++round) {
    receive_into(received, sockets_.peer.get(), 4096);
    connection_.flush();
    const std::size_t room = (1 << 20) - connection_.queued_bytes();
    queue(std::string(room, 'y'));
    ASSERT_LT(context_.subtree_stats().total_bytes, 16u << 20) << round;
  }
  EXPECT_GT(received.size(), 4u << 20);
  EXPECT_EQ(received, std::string(1 << 20, 'x') + std::string(received.size() - (1 << 20), 'y'));
}

// Where more than half was waiting, each new buffer was larger by next to nothing, and none of them
// was freed.
TEST_F(ConnectionTest, AQueueThatGrowsSlowlyTakesNewMemorySeldom) {
  queue(std::string(1 << 20, 'x'));
  ASSERT_EQ(connection_.flush(), IoResult::Status::kBlocked);
  std::string received;
  for (int round = 0; round < 10'000; ++round) {
    const std::size_t before = received.size();
    receive_into(received, sockets_.peer.get(), 4096);
    connection_.flush();
    queue(std::string(received.size() - before + 10, 'y'));
    ASSERT_LT(context_.subtree_stats().total_bytes, 16u << 20) << round;
  }
  EXPECT_GT(received.size(), 20u << 20);
}

TEST_F(ConnectionTest, AnyMixOfPartsAndPartialSendsArrivesInOrder) {
  const auto seed = tests::random_seed();
  std::mt19937 random(seed);
  std::string expected;
  std::string received;
  for (int i = 0; i < 3000; ++i) {
    const std::size_t size = random() % 10 == 0 ? random() % 20'000 : random() % 50;
    std::string part(size, '\0');
    for (char& c : part) c = static_cast<char>(random());
    queue(part);
    expected += part;
    if (random() % 3 == 0) connection_.flush();
    if (random() % 2 == 0) receive_into(received, sockets_.peer.get(), 1 + random() % 30'000);
  }
  while (connection_.flush() != IoResult::Status::kDone) received += drain();
  received += drain();
  EXPECT_EQ(received, expected);
}

}  // namespace

}  // namespace tests
