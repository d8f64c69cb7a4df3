#include "runtime/timer.h"

#include <gtest/gtest.h>

#include <ctime>
#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace runtime {
namespace {

Instant at(int seconds) { return Instant(std::chrono::seconds(seconds)); }

// Timers with names; each writes its name down when it fires, then does what the test told it.
struct TimersTest : testing::Test {
  struct Named final : Timer::Handler {
    Named(TimersTest& timers_test, char letter) : test(timers_test), name(letter) {}
    void on_timer(Timer& which) override {
      EXPECT_EQ(&which, &timer);
      EXPECT_FALSE(timer.armed());
      test.fired += name;
      if (then) then();
    }
    TimersTest& test;
    const char name;
    Timer timer{test.timers, *this};
    std::function<void()> then;
  };

  // What fires at `seconds`, in order.
  std::string fire(int seconds) {
    fired.clear();
    timers.fire(at(seconds));
    return fired;
  }

  Timers timers;
  std::string fired;
  std::unique_ptr<Named> a = std::make_unique<Named>(*this, 'a');
  std::unique_ptr<Named> b = std::make_unique<Named>(*this, 'b');
  std::unique_ptr<Named> c = std::make_unique<Named>(*this, 'c');
};

TEST_F(TimersTest, FireOnceAtTheirDeadline) {
  a->timer.arm(at(10));
  EXPECT_TRUE(a->timer.armed());
  EXPECT_EQ(timers.next_deadline(), at(10));
  EXPECT_EQ(fire(9), "");
  EXPECT_EQ(fire(10), "a");
  EXPECT_EQ(fire(11), "");
  EXPECT_EQ(timers.next_deadline(), std::nullopt);
}

TEST_F(TimersTest, FireInTheOrderOfTheirDeadlines) {
  b->timer.arm(at(2));
  c->timer.arm(at(3));
  a->timer.arm(at(1));
  EXPECT_EQ(timers.next_deadline(), at(1));
  EXPECT_EQ(fire(5), "abc");
}

TEST_F(TimersTest, ANewDeadlineReplacesTheOldOne) {
  a->timer.arm(at(1));
  a->timer.arm(at(5));
  EXPECT_EQ(timers.size(), 1u);
  EXPECT_EQ(a->timer.deadline(), at(5));
  EXPECT_EQ(fire(4), "");
  a->timer.arm(at(4));
  EXPECT_EQ(fire(4), "a");
}

TEST_F(TimersTest, ADisarmedOneDoesNotFire) {
  a->timer.arm(at(1));
  b->timer.arm(at(1));
  a->timer.disarm();
  a->timer.disarm();
  EXPECT_EQ(fire(1), "b");
}

TEST_F(TimersTest, ADestroyedOneDoesNotFire) {
  a->timer.arm(at(1));
  b->timer.arm(at(2));
  a.reset();
  EXPECT_EQ(timers.size(), 1u);
  EXPECT_EQ(fire(2), "b");
}

TEST_F(TimersTest, OneThatIsArmedAgainForADueTimeFiresInTheNextCall) {
  a->timer.arm(at(1));
  a->then = [this] { a->timer.arm(at(1)); };
  EXPECT_EQ(fire(5), "a");
  a->then = nullptr;
  EXPECT_EQ(fire(5), "a");
  EXPECT_EQ(fire(5), "");
}

TEST_F(TimersTest, AHandlerMayDisarmOneThatIsDue) {
  a->timer.arm(at(1));
  b->timer.arm(at(2));
  c->timer.arm(at(3));
  a->then = [this] { b->timer.disarm(); };
  EXPECT_EQ(fire(5), "ac");
  EXPECT_EQ(fire(5), "");
}

TEST_F(TimersTest, AHandlerMayPutOffOneThatIsDue) {
  a->timer.arm(at(1));
  b->timer.arm(at(2));
  a->then = [this] { b->timer.arm(at(6)); };
  EXPECT_EQ(fire(5), "a");
  EXPECT_EQ(fire(6), "b");
}

TEST_F(TimersTest, AHandlerMayDestroyOthersThatAreDueOrNot) {
  a->timer.arm(at(1));
  b->timer.arm(at(2));
  c->timer.arm(at(9));
  a->then = [this] {
    b.reset();
    c.reset();
  };
  EXPECT_EQ(fire(5), "a");
  EXPECT_EQ(fire(10), "");
}

TEST_F(TimersTest, AHandlerMayDestroyItself) {
  a->timer.arm(at(1));
  b->timer.arm(at(2));
  a->then = [this] { std::unique_ptr<Named>(std::move(a)).reset(); };
  EXPECT_EQ(fire(5), "ab");
  EXPECT_EQ(timers.size(), 0u);
}

TEST_F(TimersTest, AHandlerMayArmTheOneThatHasFiredBefore) {
  a->timer.arm(at(1));
  b->timer.arm(at(2));
  b->then = [this] { a->timer.arm(at(7)); };
  EXPECT_EQ(fire(5), "ab");
  EXPECT_EQ(fire(7), "a");
}

// Each that was armed again was looked for among all that were due: minutes instead of
// milliseconds.
TEST_F(TimersTest, ManyMayBeDueTogetherAndArmedAgain) {
  constexpr std::size_t kTimers = 300'000;
  struct Again final : Timer::Handler {
    void on_timer(Timer& timer) override { timer.arm(at(2)); }
  } again;
  std::deque<Timer> many;
  for (std::size_t i = 0; i < kTimers; ++i) many.emplace_back(timers, again).arm(at(1));
  const std::clock_t before = std::clock();
  timers.fire(at(1));
  EXPECT_LT(std::clock() - before, 10 * CLOCKS_PER_SEC);
  EXPECT_EQ(timers.size(), kTimers);
}

}  // namespace
}  // namespace runtime
