#include "runtime/signals.h"

#include <gtest/gtest.h>

#include <vector>

namespace runtime {
namespace {

struct SignalsTest : testing::Test, Signals::Handler {
  void SetUp() override { ::pthread_sigmask(SIG_BLOCK, nullptr, &mask_before); }
  void TearDown() override { ::pthread_sigmask(SIG_SETMASK, &mask_before, nullptr); }
  void on_signal(int signal) override { caught.push_back(signal); }

  FakeClock clock;
  Loop loop{clock, {}};
  sigset_t mask_before;
  std::vector<int> caught;
};

TEST_F(SignalsTest, AreEventsOfTheLoop) {
  const Signals signals(loop, {SIGUSR1, SIGUSR2}, *this);
  ::raise(SIGUSR2);
  ::raise(SIGUSR1);
  EXPECT_TRUE(caught.empty());
  loop.turn_for_test();
  EXPECT_EQ(caught, (std::vector<int>{SIGUSR1, SIGUSR2}));  // the kernel gives the lowest first
  loop.turn_for_test();
  EXPECT_EQ(caught.size(), 2u);
}

TEST_F(SignalsTest, ABrokenPipeIsNone) {
  const Signals signals(loop, {SIGUSR1}, *this);
  ::raise(SIGPIPE);
  loop.turn_for_test();
  EXPECT_TRUE(caught.empty());
}

TEST_F(SignalsTest, NobodyIsCalledAfterItsEnd) {
  { const Signals signals(loop, {SIGUSR1}, *this); }
  ::raise(SIGUSR1);
  loop.turn_for_test();
  EXPECT_TRUE(caught.empty());
  // Taken away, or it would end the process as soon as it is unblocked.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  int taken = 0;
  EXPECT_EQ(::sigwait(&set, &taken), 0);
  EXPECT_EQ(taken, SIGUSR1);
}

}  // namespace
}  // namespace runtime
