#include "server/session/handshake_queue.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/pool.h"
#include "tests/support/certificates.h"
#include "tests/support/socket_pair.h"

namespace server::session {
namespace {

using Step = runtime::TlsChannel::Step;

struct HandshakeQueueTest : ::testing::Test {
  explicit HandshakeQueueTest(std::size_t memory_max = std::size_t{64} << 20)
      : memory(memory_max), queue(loop, pool, memory) {
    const auto own = authority.issue(directory, {.common_name = "server"});
    context = runtime::TlsContext::load(
                  {.certificate_file = own.certificate, .private_key_file = own.key})
                  .value();
  }
  // Until the queue has nothing to do.
  void run() {
    while (queue.running() > 0) {
      pollfd rung{.fd = loop.doorbell().fd(), .events = POLLIN, .revents = 0};
      if (loop.doorbell().prepare_to_sleep()) ::poll(&rung, 1, /*timeout_ms=*/1000);
      loop.turn_for_test();
    }
  }

  tests::TempDir directory;
  const tests::Authority authority{"authority"};
  std::shared_ptr<const runtime::TlsContext> context;
  runtime::SystemClock clock;
  runtime::Loop loop{clock, {}};
  runtime::Pool pool{2};
  stream::MemoryBudget memory;
  HandshakeQueue queue;
  bool may_begin = true;
  std::string lent;  // the names of the waiters, in the order in which their steps began
  std::size_t taken = 0;
};

// A client that says nothing, so that each step waits for more.
class SilentWaiter final : public HandshakeQueue::Waiter {
 public:
  SilentWaiter(HandshakeQueueTest& test, char name, std::uint64_t party = 0)
      : Waiter(party), test_(test), name_(name) {
    socket_.fd = std::move(sockets_.ours);
    socket_.context = test.context;
  }
  ~SilentWaiter() override { test_.queue.remove(*this); }
  void push() { test_.queue.push(*this); }
  ShakingSocket lend() override {
    test_.lent += name_;
    return std::move(socket_);
  }
  void on_step(ShakingSocket socket, Step step) override {
    EXPECT_EQ(step, Step::kWantsInput);
    EXPECT_TRUE(socket.fd && socket.channel != nullptr);
    socket_ = std::move(socket);
    ++test_.taken;
  }
  bool may_begin() override { return test_.may_begin; }

 private:
  HandshakeQueueTest& test_;
  const char name_;
  tests::SocketPair sockets_;
  ShakingSocket socket_;
};

TEST_F(HandshakeQueueTest, StepsRunAFewAtATimeAndAllInTheEnd) {
  std::vector<std::unique_ptr<SilentWaiter>> waiters;
  for (char name = 'a'; name <= 'z'; ++name) {
    waiters.push_back(std::make_unique<SilentWaiter>(*this, name));
    waiters.back()->push();
  }
  EXPECT_EQ(queue.running(), HandshakeQueue::kAtOnce);
  EXPECT_EQ(lent, "abcd");
  run();
  EXPECT_EQ(lent, "abcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(taken, waiters.size());
}

TEST_F(HandshakeQueueTest, ThoseThatHaveBegunComeFirst) {
  SilentWaiter begun(*this, 'B');
  begun.push();
  run();
  std::vector<std::unique_ptr<SilentWaiter>> fresh;
  for (const char name : std::string("123456")) {
    fresh.push_back(std::make_unique<SilentWaiter>(*this, name));
    fresh.back()->push();
  }
  begun.push();
  run();
  EXPECT_EQ(lent, "B1234B56");
}

TEST_F(HandshakeQueueTest, AWaiterMayDieWhereverItIs) {
  std::vector<std::unique_ptr<SilentWaiter>> waiters;
  for (const char name : std::string("12345678")) {
    waiters.push_back(std::make_unique<SilentWaiter>(*this, name));
    waiters.back()->push();
  }
  waiters[1].reset();  // while its step runs
  waiters[5].reset();  // while it waits
  run();
  EXPECT_EQ(lent, "1234578");
  EXPECT_EQ(taken, 6u);
}

// Memory that something else gave back woke none.
TEST_F(HandshakeQueueTest, ThoseThatWaitForMemoryAreLookedAtInTheTurnAfterSomeIsFree) {
  memory.change(0, 1'000);
  may_begin = false;
  SilentWaiter first(*this, '1');
  SilentWaiter second(*this, '2');
  first.push();
  second.push();
  EXPECT_EQ(lent, "");
  may_begin = true;
  loop.turn_for_test();
  EXPECT_EQ(lent, "") << "none is asked before less is used";
  memory.change(1'000, 999);
  EXPECT_EQ(lent, "") << "nothing begins in the midst of what gives memory back";
  loop.turn_for_test();
  EXPECT_EQ(lent, "12");
  run();
  EXPECT_EQ(taken, 2u);
}

TEST_F(HandshakeQueueTest, MemoryThatIsNotEnoughIsWaitedForAgain) {
  memory.change(0, 1'000);
  may_begin = false;
  SilentWaiter waiter(*this, '1');
  waiter.push();
  memory.change(1'000, 999);
  loop.turn_for_test();
  EXPECT_EQ(lent, "");
  may_begin = true;
  memory.change(999, 0);
  loop.turn_for_test();
  EXPECT_EQ(lent, "1");
  run();
}

TEST_F(HandshakeQueueTest, WhenTheFirstOneDiesThoseBehindItAreLookedAtInTheNextTurn) {
  may_begin = false;
  auto first = std::make_unique<SilentWaiter>(*this, '1');
  SilentWaiter second(*this, '2');
  first->push();
  second.push();
  may_begin = true;
  queue.remove(*first);
  first.reset();
  EXPECT_EQ(lent, "") << "it may die where a session does, at the end of a turn";
  loop.turn_for_test();
  EXPECT_EQ(lent, "2");
  run();
}

// A client may begin a handshake and stop there. Of one address or of many, they had all memory.
struct HandshakeShareTest : HandshakeQueueTest {
  HandshakeShareTest() : HandshakeQueueTest(2 * 8 * runtime::TlsChannel::kHandshakeMemoryBytes) {}
  // Clients of one party, each of which begins if it may. Returns the names of those that have.
  std::string come(std::uint64_t party, const std::string& names) {
    lent.clear();
    for (const char name : names) {
      waiters.push_back(std::make_unique<SilentWaiter>(*this, name, party));
      waiters.back()->push();
    }
    run();
    return lent;
  }

  std::vector<std::unique_ptr<SilentWaiter>> waiters;
};

TEST_F(HandshakeShareTest, APartyHasHalfOfWhatTheOthersHaveLeft) {
  EXPECT_EQ(come(1, "aaaaaaaaaa"), "aaaa");
  EXPECT_EQ(come(2, "bbbbbbbbbb"), "bb");
  EXPECT_EQ(come(3, "cccccccccc"), "c");
  EXPECT_EQ(come(4, "d"), "d");
  EXPECT_EQ(come(5, "e"), "");
}

TEST_F(HandshakeShareTest, WhatOneGivesBackIsForThePartyThatHasNone) {
  come(1, "aaaaaaaaaa");
  come(2, "bb");
  come(3, "cc");
  come(4, "d");
  EXPECT_EQ(come(5, "e"), "");
  waiters.front().reset();
  loop.turn_for_test();
  run();
  EXPECT_EQ(lent, "e");
}

TEST_F(HandshakeQueueTest, PartiesTakeTurnsToBegin) {
  std::vector<std::unique_ptr<SilentWaiter>> waiters;
  for (const char name : std::string("aaaaaaaabbc")) {
    const auto party = static_cast<std::uint64_t>(name);
    waiters.push_back(std::make_unique<SilentWaiter>(*this, name, party));
    waiters.back()->push();
  }
  run();
  EXPECT_EQ(lent, "aaaaabcabaa");
}

}  // namespace
}  // namespace server::session
