#include "runtime/signals.h"

#include <gtest/gtest.h>

#include <optional>
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

// The test dies in a child, and goes on.
TEST_F(SignalsTest, MayEndTheProcessOnTheSpotForAWhile) {
  const Signals signals(loop, {SIGTERM}, *this);
  const auto raise_while = [](int signal) {
    const EndOnSignals impatient({SIGTERM, SIGQUIT});
    ::raise(signal);
  };
  EXPECT_EXIT(raise_while(SIGTERM), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(raise_while(SIGQUIT), testing::ExitedWithCode(2), "");
  { const EndOnSignals impatient({SIGTERM}); }
  ::raise(SIGTERM);
  loop.turn_for_test();
  EXPECT_EQ(caught, std::vector<int>{SIGTERM});
}

TEST_F(SignalsTest, OthersAreLeftAlone) {
  std::optional<EndOnSignals> quits(std::in_place, std::initializer_list<int>{SIGQUIT});
  const Signals signals(loop, {SIGTERM}, *this);
  quits.reset();
  ::raise(SIGTERM);
  loop.turn_for_test();
  EXPECT_EQ(caught, std::vector<int>{SIGTERM});
}

TEST_F(SignalsTest, OneThatCameBeforeEndsItToo) {
  const auto raise_before = [this] {
    const Signals signals(loop, {SIGTERM}, *this);
    ::raise(SIGTERM);
    const EndOnSignals impatient({SIGTERM});
  };
  EXPECT_EXIT(raise_before(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace runtime
