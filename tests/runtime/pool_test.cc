#include "runtime/pool.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>

#include "runtime/counters.h"
#include "runtime/loop.h"

namespace runtime {
namespace {

using std::chrono_literals::operator""s;

struct FunctionJob final : Job {
  FunctionJob(std::function<void()> work_function, std::function<void()> done_function)
      : on_work(std::move(work_function)), on_done(std::move(done_function)) {}
  void work() override { on_work(); }
  void done() override { on_done(); }
  std::function<void()> on_work;
  std::function<void()> on_done;
};

struct PoolTest : testing::Test {
  void submit(
      std::function<void()> work, std::function<void()> done = [] {}) {
    pool->submit(std::make_unique<FunctionJob>(std::move(work), std::move(done)), loop.mailbox());
  }
  // Runs the loop here until a task of its own stops it.
  void run_loop() { loop.run(); }

  SystemClock clock;
  Loop loop{clock, {}};
  std::optional<Pool> pool{std::in_place, 2};
};

TEST_F(PoolTest, WorksElsewhereAndIsDoneAtHome) {
  const std::thread::id home = std::this_thread::get_id();
  std::thread::id worked;
  std::string thread_name(16, '\0');
  submit(
      [&] {
        worked = std::this_thread::get_id();
        ::pthread_getname_np(::pthread_self(), thread_name.data(), thread_name.size());
      },
      [&] {
        EXPECT_EQ(std::this_thread::get_id(), home);
        EXPECT_NE(worked, std::thread::id());
        EXPECT_NE(worked, home);
        loop.stop();
      });
  run_loop();
  EXPECT_EQ(thread_name.substr(0, 5), std::string("pool\0", 5));
}

TEST_F(PoolTest, RunsEveryJobOnce) {
  constexpr int kJobs = 500;
  Gauge worked;
  int done = 0;
  for (int i = 0; i < kJobs; ++i) {
    submit([&] { worked.add(1); },
           [&] {
             if (++done == kJobs) loop.stop();
           });
  }
  run_loop();
  EXPECT_EQ(worked.get(), kJobs);
  EXPECT_EQ(done, kJobs);
}

TEST_F(PoolTest, RunsAsManyAtATimeAsItHasThreads) {
  std::binary_semaphore a_came(0);
  std::binary_semaphore b_came(0);
  bool a_met_b = false;
  bool b_met_a = false;
  int done = 0;
  const auto finish = [&] {
    if (++done == 2) loop.stop();
  };
  submit(
      [&] {
        a_came.release();
        a_met_b = b_came.try_acquire_for(10s);
      },
      finish);
  submit(
      [&] {
        b_came.release();
        b_met_a = a_came.try_acquire_for(10s);
      },
      finish);
  run_loop();
  EXPECT_TRUE(a_met_b);
  EXPECT_TRUE(b_met_a);
}

// A slot command must not wait for a disk that reads, nor a reader for a long proof.
TEST_F(PoolTest, JobsOfOneKindDoNotWaitForThoseOfAnother) {
  constexpr JobKind kKinds[] = {JobKind::kRead, JobKind::kCompute, JobKind::kLong, JobKind::kWrite};
  for (const JobKind kind : kKinds) {
    Loop home(clock, {});
    std::counting_semaphore<100> go(0);
    Gauge others;
    int left = 10;
    const auto count = [&] {
      if (--left == 0) home.stop();
    };
    Pool lanes(2);
    // More than there are threads for.
    for (int i = 0; i < 7; ++i) {
      lanes.submit(std::make_unique<FunctionJob>([&] { go.acquire(); }, count), home.mailbox(),
                   kind);
    }
    const auto let_go = [&] {
      if (others.add(1) == 3) go.release(7);
    };
    for (const JobKind other : kKinds) {
      if (other == kind) continue;
      lanes.submit(std::make_unique<FunctionJob>(let_go, count), home.mailbox(), other);
    }
    home.run();
    EXPECT_EQ(left, 0);
  }
}

TEST_F(PoolTest, RunsNoMoreAtATimeThanItHasThreads) {
  constexpr int kJobs = 200;
  Gauge running;
  Gauge too_many;
  int done = 0;
  for (int i = 0; i < kJobs; ++i) {
    submit(
        [&] {
          if (running.add(1) > 2) too_many.add(1);
          std::this_thread::yield();
          running.add(-1);
        },
        [&] {
          if (++done == kJobs) loop.stop();
        });
  }
  run_loop();
  EXPECT_EQ(too_many.get(), 0);
}

TEST_F(PoolTest, ItsEndWaitsForJobsAndDestroysThemAllUndone) {
  auto held = std::make_shared<int>(1);
  Gauge worked;
  bool done = false;
  {
    Loop abandoned(clock, {});
    for (int i = 0; i < 50; ++i) {
      pool->submit(
          std::make_unique<FunctionJob>([&, copy = held] { worked.add(1); }, [&] { done = true; }),
          abandoned.mailbox());
    }
    pool.reset();
  }
  EXPECT_EQ(worked.get(), 50);
  EXPECT_FALSE(done);
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace runtime
