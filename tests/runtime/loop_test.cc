#include "runtime/loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <functional>
#include <latch>
#include <string>

#include "runtime/thread.h"

namespace runtime {
namespace {

// A descriptor that is readable once raised, and what a loop does when it is.
class Event final : public Loop::Handler {
 public:
  explicit Event(
      Loop& loop, std::function<void()> then = [] {})
      : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), then_(std::move(then)) {
    loop.watch(fd_.get(), EPOLLIN, *this);
  }
  void raise() { EXPECT_EQ(::eventfd_write(fd_.get(), 1), 0); }
  void lower() {
    eventfd_t value = 0;
    EXPECT_EQ(::eventfd_read(fd_.get(), &value), 0);
  }
  int fd() const { return fd_.get(); }
  int count() const { return count_; }
  void on_ready(std::uint32_t events) override {
    EXPECT_EQ(events, std::uint32_t{EPOLLIN});
    ++count_;
    then_();
  }

 private:
  UniqueFd fd_;
  std::function<void()> then_;
  int count_ = 0;
};

struct RetiredProbe final : Loop::Retired {
  explicit RetiredProbe(bool& flag) : dead(flag) {}
  ~RetiredProbe() override { dead = true; }
  bool& dead;
};

struct Work final : Loop::TurnWork {
  explicit Work(std::function<bool()> function) : body(std::move(function)) {}
  bool on_turn() override { return body(); }
  std::function<bool()> body;
};

struct OnTimer final : Timer::Handler {
  explicit OnTimer(std::function<void()> function) : body(std::move(function)) {}
  void on_timer(Timer& /*timer*/) override { body(); }
  std::function<void()> body;
};

// Driven by hand, one turn at a time, with time standing still.
struct LoopTest : testing::Test {
  FakeClock clock;
  Loop loop{clock, {.events_per_turn = 4, .tasks_per_turn = 2}};
};

TEST_F(LoopTest, ReportsAsLongAsADescriptorIsReady) {
  Event event(loop);
  loop.turn_for_test();
  EXPECT_EQ(event.count(), 0);
  event.raise();
  loop.turn_for_test();
  loop.turn_for_test();
  EXPECT_EQ(event.count(), 2);
  event.lower();
  loop.turn_for_test();
  EXPECT_EQ(event.count(), 2);
}

TEST_F(LoopTest, ReportsWhatItIsAskedFor) {
  Event event(loop);
  event.raise();
  loop.rewatch(event.fd(), 0, event);
  loop.turn_for_test();
  EXPECT_EQ(event.count(), 0);
  loop.rewatch(event.fd(), EPOLLIN, event);
  loop.turn_for_test();
  EXPECT_EQ(event.count(), 1);
  loop.unwatch(event.fd());
  loop.turn_for_test();
  EXPECT_EQ(event.count(), 1);
}

TEST_F(LoopTest, ReadsTheClockOnceATurn) {
  const Instant begin = clock.now();
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(loop.now(), begin);
  Event event(loop, [this] { clock.advance(std::chrono::seconds(1)); });
  event.raise();
  loop.turn_for_test();
  EXPECT_EQ(loop.now(), begin + std::chrono::seconds(1));
}

struct Rest final : Loop::Unfinished {
  explicit Rest(std::function<void()> function) : body(std::move(function)) {}
  void go_on() override { body(); }
  std::function<void()> body;
};

TEST_F(LoopTest, WhatIsUnfinishedGoesOnOnceInTheNextTurnAfterTheEvents) {
  std::string order;
  Rest rest([&] { order += "rest "; });
  Event event(loop, [&] {
    order += "event ";
    if (order.size() < 10) loop.go_on_next_turn(rest);
  });
  event.raise();
  loop.turn_for_test();
  EXPECT_EQ(order, "event ");
  EXPECT_TRUE(rest.unfinished());
  loop.turn_for_test();
  EXPECT_EQ(order, "event event rest ");
  EXPECT_FALSE(rest.unfinished());
  loop.turn_for_test();
  EXPECT_EQ(order, "event event rest event ");
}

TEST_F(LoopTest, WhatIsNeverFinishedTakesTurnsWithTheOthersAndDoesNotSleep) {
  std::string order;
  Rest a([&] {
    order += "a";
    loop.go_on_next_turn(a);
  });
  Rest b([&] {
    order += "b";
    if (order.size() == 10) return loop.stop();
    loop.go_on_next_turn(b);
  });
  loop.go_on_next_turn(a);
  loop.go_on_next_turn(b);
  loop.turn_for_test();
  loop.run();
  EXPECT_EQ(order, "ababababab");
}

TEST_F(LoopTest, WhatHasFinishedOrDiedInTheMeantimeDoesNotGoOn) {
  bool went_on = false;
  Rest finished([&] { went_on = true; });
  auto dead = std::make_unique<Rest>([&] { went_on = true; });
  loop.go_on_next_turn(finished);
  loop.go_on_next_turn(*dead);
  Event event(loop, [&] {
    finished.finish();
    dead.reset();
  });
  event.raise();
  loop.turn_for_test();
  EXPECT_FALSE(went_on);
}

TEST_F(LoopTest, TakesEventsThenTasksThenTimersThenTheTurnsWork) {
  std::string order;
  Event event(loop, [&] { order += "event "; });
  event.raise();
  loop.mailbox().post([&order] { order += "task "; });
  OnTimer on_timer([&] { order += "timer "; });
  Timer timer(loop.timers(), on_timer);
  timer.arm(loop.now());
  Work work([&] {
    order += "work ";
    return false;
  });
  loop.set_turn_work(&work);
  bool dead = false;
  loop.mailbox().post([this, &dead] { loop.retire(std::make_unique<RetiredProbe>(dead)); });
  loop.turn_for_test();
  EXPECT_EQ(order, "event task timer work ");
  EXPECT_TRUE(dead);
}

TEST_F(LoopTest, TakesABoundedNumberOfTasksInATurn) {
  int ran = 0;
  for (int i = 0; i < 5; ++i) loop.mailbox().post([&ran] { ++ran; });
  loop.turn_for_test();
  EXPECT_EQ(ran, 2);
  loop.turn_for_test();
  loop.turn_for_test();
  EXPECT_EQ(ran, 5);
}

TEST_F(LoopTest, TakesABoundedNumberOfEventsInATurnAndStarvesNobody) {
  std::vector<std::unique_ptr<Event>> events;
  for (int i = 0; i < 10; ++i) {
    events.push_back(std::make_unique<Event>(loop));
    events.back()->raise();
  }
  loop.turn_for_test();
  int reported = 0;
  for (const auto& event : events) reported += event->count();
  EXPECT_LE(reported, 4);
  for (int i = 0; i < 4; ++i) loop.turn_for_test();
  for (const auto& event : events) EXPECT_GE(event->count(), 1);
}

TEST_F(LoopTest, WhatIsRetiredLivesUntilTheEndOfTheTurn) {
  bool dead = false;
  Event event(loop, [&] {
    loop.retire(std::make_unique<RetiredProbe>(dead));
    loop.mailbox().post([&dead] { EXPECT_FALSE(dead); });
  });
  event.raise();
  loop.turn_for_test();
  EXPECT_TRUE(dead);
}

// Both are in one batch of epoll_wait, so whichever comes first unwatches and retires the other,
// which may be reported to all the same. ASan sees it if the other has died too soon.
TEST_F(LoopTest, AHandlerMayBeUnwatchedInTheBatchThatReportsIt) {
  struct Victim final : Loop::Retired {
    Victim(Loop& loop, std::function<void()> then) : event(loop, std::move(then)) {}
    Event event;
  };
  std::unique_ptr<Victim> a;
  std::unique_ptr<Victim> b;
  const auto retire = [this](std::unique_ptr<Victim>& victim) {
    if (victim == nullptr) return;
    loop.unwatch(victim->event.fd());
    loop.retire(std::move(victim));
  };
  a = std::make_unique<Victim>(loop, [&] { retire(b); });
  b = std::make_unique<Victim>(loop, [&] { retire(a); });
  a->event.raise();
  b->event.raise();
  loop.turn_for_test();
  EXPECT_TRUE((a == nullptr) || (b == nullptr));
}

TEST_F(LoopTest, FiresTimersByItsClock) {
  int fired = 0;
  OnTimer handler([&] { ++fired; });
  Timer timer(loop.timers(), handler);
  timer.arm(loop.now() + std::chrono::minutes(5));
  loop.turn_for_test();
  clock.advance(std::chrono::minutes(5) - Duration(1));
  loop.turn_for_test();
  EXPECT_EQ(fired, 0);
  clock.advance(Duration(1));
  loop.turn_for_test();
  EXPECT_EQ(fired, 1);
}

TEST_F(LoopTest, TasksPostedAfterItsEndAreDestroyedUnrun) {
  auto held = std::make_shared<int>(1);
  bool ran = false;
  {
    Loop other(clock, {});
    other.stop();
    other.run();
    other.mailbox().post([copy = held, &ran] { ran = true; });
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(ran);
}

// With a thread of its own, which sleeps until something happens.
struct RunningLoopTest : testing::Test {
  void SetUp() override {
    thread.emplace("loop", [this](memctx::Context& /*top*/) { loop.run(); });
  }
  void TearDown() override {
    loop.stop();
    thread.reset();
  }
  // Runs `task` on the loop and waits for it.
  void on_loop(std::function<void()> task) {
    std::latch done(1);
    loop.mailbox().post([&] {
      task();
      done.count_down();
    });
    done.wait();
  }

  SystemClock clock;
  Loop loop{clock, {.events_per_turn = 16, .tasks_per_turn = 8}};
  std::optional<NamedThread> thread;
};

TEST_F(RunningLoopTest, IsWokenForEveryTask) {
  int ran = 0;
  for (int i = 0; i < 2'000; ++i) on_loop([&] { ++ran; });
  EXPECT_EQ(ran, 2'000);
}

TEST_F(RunningLoopTest, DoesNotSleepBeforeAllTasksHaveRun) {
  std::latch done(1'000);
  for (int i = 0; i < 1'000; ++i) loop.mailbox().post([&done] { done.count_down(); });
  done.wait();
}

TEST_F(RunningLoopTest, WakesForATimerThatIsArmedWhileALaterOneWaits) {
  std::latch fired(1);
  Instant fired_at{};
  OnTimer never([] { ADD_FAILURE(); });
  OnTimer soon([&] {
    fired_at = loop.now();
    fired.count_down();
  });
  std::optional<Timer> late;
  std::optional<Timer> early;
  Instant deadline{};
  on_loop([&] {
    late.emplace(loop.timers(), never);
    late->arm(loop.now() + std::chrono::hours(1));
    early.emplace(loop.timers(), soon);
    deadline = loop.now() + std::chrono::milliseconds(5);
    early->arm(deadline);
  });
  fired.wait();
  EXPECT_GE(fired_at, deadline);
  on_loop([&] {
    late.reset();
    early.reset();
  });
}

TEST_F(RunningLoopTest, WakesForADescriptor) {
  std::latch ready(1);
  std::optional<Event> event;
  on_loop([&] {
    event.emplace(loop, [&] {
      event->lower();
      ready.count_down();
    });
  });
  event->raise();
  ready.wait();
  on_loop([&] { loop.unwatch(event->fd()); });
  EXPECT_EQ(event->count(), 1);
}

TEST_F(RunningLoopTest, TurnsAgainAtOnceWhileThereIsMoreWork) {
  std::latch done(1);
  int turns = 0;
  Work work([&] {
    if (++turns == 100) done.count_down();
    return turns < 100;
  });
  on_loop([&] { loop.set_turn_work(&work); });
  done.wait();
  on_loop([&] { loop.set_turn_work(nullptr); });
}

// The first sleep was reckoned from the time at which the loop was made, and so was a minute long.
TEST(LoopStartTest, ATimerThatIsDueWhenTheLoopBeginsToRunFiresAtOnce) {
  FakeClock clock;
  Loop loop(clock, {});
  clock.advance(std::chrono::hours(1));
  OnTimer stop([&loop] { loop.stop(); });
  Timer due(loop.timers(), stop);
  due.arm(clock.now());
  const Instant begin = SystemClock().now();
  loop.run();
  EXPECT_LT(SystemClock().now() - begin, std::chrono::seconds(30));
}

TEST_F(RunningLoopTest, IsStoppedByATaskOfItsOwn) {
  on_loop([this] { loop.stop(); });
  thread->join();
}

#ifndef NDEBUG
TEST(LoopThreadTest, BelongsToWhoeverHasItWhileItDoesNotRun) {
  const SystemClock clock;
  Loop loop(clock, {});
  loop.assert_in_thread();
  loop.stop();
  NamedThread("loop", [&](memctx::Context& /*top*/) {
    loop.assert_in_thread();
    loop.run();
  }).join();
  loop.assert_in_thread();
}

TEST(LoopDeathTest, KnowsItsThread) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const SystemClock clock;
  Loop loop(clock, {});
  loop.turn_for_test();
  loop.assert_in_thread();
  EXPECT_DEATH(std::thread([&] { loop.assert_in_thread(); }).join(), "get_id\\(\\) == thread_");
}
#endif

}  // namespace
}  // namespace runtime
