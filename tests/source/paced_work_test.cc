#include "server/source/paced_work.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <optional>

#include "runtime/thread.h"

namespace server::source {
namespace {

using std::chrono::milliseconds;

// The home loop is the test's own thread; the worker's has another. What the test does comes in
// steps, each of which the loop runs up to the next end of the work, or for a time.
struct PacedWorkTest : ::testing::Test, PacedWork::Job, runtime::Timer::Handler {
  PacedWorkTest()
      : thread(std::make_unique<runtime::NamedThread>(
            "worker", [this](memctx::Context&) { worker.run(); })) {}
  ~PacedWorkTest() override {
    worker.stop();
    thread->join();
  }

  void begin() override { ++begun; }
  void run() override {
    if (blocks) blocks();
  }
  void end() override {
    ++ended;
    if (at_end) at_end();
  }
  void on_timer(runtime::Timer&) override {
    if (at_time) return at_time();
    home.stop();
  }
  void run_for(milliseconds time) {
    home.assert_in_thread();
    over.arm(clock.now() + time);
    home.run();
  }
  void take(milliseconds time) const {
    const auto until = clock.now() + time;
    while (clock.now() < until) continue;
  }

  const runtime::SystemClock clock;
  runtime::Loop home{clock, {}};
  runtime::Loop worker{clock, {}};
  PacedWork work{home, worker, clock, *this};
  runtime::Timer over{home.timers(), *this};
  std::unique_ptr<runtime::NamedThread> thread;
  std::function<void()> blocks;
  std::function<void()> at_end;
  std::function<void()> at_time;
  int begun = 0;
  int ended = 0;
};

TEST_F(PacedWorkTest, WhatIsAskedForIsDoneAtOnce) {
  home.assert_in_thread();
  work.ask();
  EXPECT_EQ(begun, 1);
  at_end = [this] { home.stop(); };
  home.run();
  EXPECT_EQ(ended, 1);
}

// It was done again for each of them.
TEST_F(PacedWorkTest, HoweverOftenItIsAskedForItIsDoneOnceMore) {
  home.assert_in_thread();
  std::promise<void> gate;
  blocks = [opened = gate.get_future().share()] { opened.wait(); };
  for (int i = 0; i < 1000; ++i) work.ask();
  EXPECT_EQ(begun, 1);
  gate.set_value();
  run_for(10 * PacedWork::kPauseMin / milliseconds(1) * milliseconds(1));
  EXPECT_EQ(begun, 2);
  EXPECT_EQ(ended, 2);
}

// One piece of work followed on the other.
TEST_F(PacedWorkTest, BetweenTwoPiecesOfWorkIsAPause) {
  home.assert_in_thread();
  at_end = [this] {
    home.assert_in_thread();
    work.ask();
  };
  work.ask();
  run_for(milliseconds(300));
  EXPECT_LE(begun, 1 + 300 / 20);
  EXPECT_GE(begun, 2);
}

TEST_F(PacedWorkTest, ThePauseIsAMultipleOfTheTimeThatTheWorkTook) {
  home.assert_in_thread();
  blocks = [this] { take(milliseconds(20)); };
  at_end = [this] {
    home.assert_in_thread();
    work.ask();
  };
  work.ask();
  run_for(milliseconds(500));
  EXPECT_LE(begun, 1 + 500 / (20 + 20 * PacedWork::kUrgentShare));
  EXPECT_GE(begun, 2);
}

TEST_F(PacedWorkTest, WhatIsNotUrgentWaitsLonger) {
  home.assert_in_thread();
  blocks = [this] { take(milliseconds(50)); };
  EXPECT_TRUE(work.ask_at_leisure());
  EXPECT_FALSE(work.ask_at_leisure()) << "it runs";
  at_end = [this] {
    home.assert_in_thread();
    if (ended == 2) return home.stop();
    over.arm(clock.now() + milliseconds(50 * PacedWork::kUrgentShare));
  };
  at_time = [this] {
    home.assert_in_thread();
    EXPECT_FALSE(work.ask_at_leisure());
    EXPECT_EQ(begun, 1);
    work.ask();
  };
  home.run();
  EXPECT_EQ(begun, 2);
}

}  // namespace
}  // namespace server::source
