#include "runtime/doorbell.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <thread>

#include "runtime/published.h"

namespace runtime {
namespace {

constexpr int kLostMs = 10'000;  // no wait takes so long unless a ring was lost

bool readable(const Doorbell& bell, int timeout_ms) {
  pollfd waiting{.fd = bell.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, timeout_ms) == 1;
}

TEST(DoorbellTest, ASleeperThatWasRungForBeforeDoesNotSleep) {
  Doorbell bell;
  EXPECT_TRUE(bell.prepare_to_sleep());
  bell.awake();
  bell.ring();
  EXPECT_FALSE(bell.prepare_to_sleep());
  bell.awake();
  EXPECT_TRUE(bell.prepare_to_sleep());
}

TEST(DoorbellTest, WakesASleeper) {
  Doorbell bell;
  ASSERT_TRUE(bell.prepare_to_sleep());
  EXPECT_FALSE(readable(bell, 0));
  bell.ring();
  EXPECT_TRUE(readable(bell, 0));
  bell.awake();
  EXPECT_FALSE(readable(bell, 0));
  EXPECT_TRUE(bell.prepare_to_sleep());
}

TEST(DoorbellTest, DoesNotCallTheKernelForASleeperThatIsAwake) {
  Doorbell bell;
  bell.awake();
  bell.ring();
  bell.ring();
  EXPECT_FALSE(readable(bell, 0));
}

TEST(DoorbellTest, WritesOnceHoweverOftenItIsRung) {
  Doorbell bell;
  ASSERT_TRUE(bell.prepare_to_sleep());
  for (int i = 0; i < 5; ++i) bell.ring();
  std::uint64_t written = 0;
  ASSERT_EQ(::read(bell.fd(), &written, sizeof(written)), static_cast<ssize_t>(sizeof(written)));
  EXPECT_EQ(written, 1u);
}

TEST(DoorbellTest, ReadsNothingUnlessItWasRungAloud) {
  Doorbell bell;
  const std::uint64_t stranger = 1;
  ASSERT_EQ(::write(bell.fd(), &stranger, sizeof(stranger)),
            static_cast<ssize_t>(sizeof(stranger)));
  bell.awake();
  bell.ring();
  bell.awake();
  bell.awake();
  EXPECT_TRUE(readable(bell, 0)) << "it would have been read";
}

// The ringer has found the sleeper asleep and writes only when the sleeper is awake again.
TEST(DoorbellTest, ARingThatIsWrittenLateIsReadAtALaterCall) {
  Doorbell bell;
  ASSERT_TRUE(bell.prepare_to_sleep());
  bell.ring();
  std::uint64_t taken = 0;
  ASSERT_EQ(::read(bell.fd(), &taken, sizeof(taken)), static_cast<ssize_t>(sizeof(taken)));
  bell.awake();
  ASSERT_EQ(::write(bell.fd(), &taken, sizeof(taken)), static_cast<ssize_t>(sizeof(taken)));
  EXPECT_TRUE(readable(bell, 0));
  bell.awake();
  EXPECT_FALSE(readable(bell, 0));
}

// A loop never reads its doorbell, and must be woken all the same.
TEST(DoorbellTest, EveryRingThatIsWrittenIsAnEdgeThoughNoneIsRead) {
  Doorbell bell;
  const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, bell.fd(), &event), 0);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(bell.prepare_to_sleep());
    EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, /*timeout_ms=*/0), 0);
    bell.ring();
    EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, /*timeout_ms=*/0), 1);
    bell.awake_by_edge();
  }
}

TEST(DoorbellTest, WaitsForADescriptorOrARing) {
  Doorbell bell;
  Doorbell other;
  const auto instantly = std::chrono::seconds(0);
  const auto long_enough = std::chrono::seconds(10);
  EXPECT_EQ(bell.wait(other.fd(), POLLIN, instantly), 0);
  bell.ring();
  EXPECT_EQ(bell.wait(other.fd(), POLLIN, long_enough), 0);
  ASSERT_TRUE(other.prepare_to_sleep());
  other.ring();
  EXPECT_EQ(bell.wait(other.fd(), POLLIN, long_enough), POLLIN);
  EXPECT_EQ(bell.wait(-1, 0, instantly), 0);
}

// One end of a game in which each waits for the other's move; a lost ring ends it.
struct Player {
  Doorbell bell;
  Published<int> move;

  void play(int number) {
    move.store(number);
    bell.ring();
  }
  // Sleeps as Loop::turn does. False when it was not woken.
  bool await(int number) {
    while (move.load() < number) {
      if (bell.prepare_to_sleep() && !readable(bell, kLostMs)) return false;
      bell.awake();
    }
    return true;
  }
};

TEST(DoorbellTest, NoRingIsLostBetweenTwoThreads) {
  constexpr int kMoves = 20'000;
  Player here;
  Player there;
  std::thread other([&] {
    for (int i = 1; i <= kMoves && there.await(i); ++i) here.play(i);
  });
  int moves = 0;
  while (moves < kMoves) {
    there.play(++moves);
    if (!here.await(moves)) break;
  }
  there.play(kMoves);
  other.join();
  EXPECT_EQ(moves, kMoves);
  EXPECT_EQ(here.move.load(), kMoves);
}

// The ringer does not wait, so rings fall anywhere into the sleeper's steps.
TEST(DoorbellTest, NoRingIsLostAmongMany) {
  constexpr int kMoves = 200'000;
  Player sleeper;
  std::thread ringer([&] {
    for (int i = 1; i <= kMoves; ++i) sleeper.play(i);
  });
  EXPECT_TRUE(sleeper.await(kMoves));
  ringer.join();
}

}  // namespace
}  // namespace runtime
