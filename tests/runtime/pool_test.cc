#include "runtime/pool.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <chrono>
#include <cstdint>
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
  std::uint64_t party() const override { return of_party; }
  std::function<void()> on_work;
  std::function<void()> on_done;
  std::uint64_t of_party = 0;
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
  constexpr JobKind kKinds[] = {JobKind::kRead,   JobKind::kCompute, JobKind::kLong,
                                JobKind::kWrite,  JobKind::kLookUp,  JobKind::kAccount,
                                JobKind::kDerive, JobKind::kShake};
  static_assert(std::size(kKinds) == kJobKinds);
  for (const JobKind kind : kKinds) {
    Loop home(clock, {});
    std::counting_semaphore<100> go(0);
    Gauge others;
    int left = 7 + kJobKinds - 1;
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
      if (others.add(1) == kJobKinds - 1) go.release(7);
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

// What hangs on a name server, or is of no use, must not hold up the end.
TEST_F(PoolTest, ItsEndDoesNotWaitForLookUps) {
  auto hang = std::make_shared<std::counting_semaphore<100>>(0);
  auto begun = std::make_shared<std::counting_semaphore<100>>(0);
  Loop abandoned(clock, {});
  for (int i = 0; i < 2 * Pool::kLookUps; ++i) {
    auto job = std::make_unique<FunctionJob>(
        [hang, begun] {
          begun->release();
          hang->acquire();
        },
        [] { FAIL() << "nobody is there any more"; });
    job->of_party = static_cast<std::uint64_t>(i);
    pool->submit(std::move(job), abandoned.mailbox(), JobKind::kLookUp);
  }
  for (int i = 0; i < Pool::kLookUps; ++i) begun->acquire();
  pool.reset();
  hang->release(2 * Pool::kLookUps);
}

// One address with a tarpit of a name server, or with a heap of passwords, held up all others.
TEST_F(PoolTest, JobsOfOnePartyHoldUpNoOtherParty) {
  for (const JobKind kind : {JobKind::kLookUp, JobKind::kDerive}) {
    constexpr int kHeap = 20;
    Loop home(clock, {});
    const int of_a_party = kind == JobKind::kLookUp ? Pool::kLookUpsOfAParty : 1;
    std::counting_semaphore<100> begun(0);
    std::counting_semaphore<100> go(0);
    Gauge heap_begun;
    std::int64_t begun_before_the_other = 0;
    int left = kHeap + 1;
    const auto count = [&] {
      if (--left == 0) home.stop();
    };
    Pool lanes(2);
    const auto submit_for = [&](std::uint64_t party, std::function<void()> work) {
      auto job = std::make_unique<FunctionJob>(std::move(work), count);
      job->of_party = party;
      lanes.submit(std::move(job), home.mailbox(), kind);
    };
    for (int i = 0; i < kHeap; ++i) {
      submit_for(1, [&] {
        heap_begun.add(1);
        begun.release();
        static_cast<void>(go.try_acquire_for(10s));
      });
    }
    for (int i = 0; i < of_a_party; ++i) begun.acquire();
    submit_for(2, [&] {
      begun_before_the_other = heap_begun.get();
      go.release(kHeap);
    });
    // Passwords have one thread: what it is at has its end.
    if (kind == JobKind::kDerive) go.release();
    home.run();
    EXPECT_EQ(begun_before_the_other, of_a_party);
  }
}

// A standby that wants another long record than the one that is being proven waited for the end of
// that proof.
TEST_F(PoolTest, TwoLongJobsRunAtATimeButNotOfOneParty) {
  std::counting_semaphore<100> go(0);
  Gauge running;
  Gauge too_many;
  Gauge waited_in_vain;
  int left = 4;
  const auto submit_for = [&](std::uint64_t party, std::function<void()> work) {
    auto job = std::make_unique<FunctionJob>(std::move(work), [&] {
      if (--left == 0) loop.stop();
    });
    job->of_party = party;
    pool->submit(std::move(job), loop.mailbox(), JobKind::kLong);
  };
  for (int i = 0; i < 3; ++i) {
    submit_for(1, [&] {
      if (running.add(1) > 1) too_many.add(1);
      if (!go.try_acquire_for(10s)) waited_in_vain.add(1);
      running.add(-1);
    });
  }
  submit_for(2, [&] { go.release(3); });
  run_loop();
  EXPECT_EQ(too_many.get(), 0);
  EXPECT_EQ(waited_in_vain.get(), 0) << "the other party's job was to let them go";
}

TEST_F(PoolTest, AJobThatIsNotWantedAnyMoreIsNotBegun) {
  struct UnwantedJob final : Job {
    bool is_wanted() const override { return false; }
    void work() override { FAIL() << "it is of no use"; }
    void done() override { FAIL() << "it was not done"; }
  };
  pool->submit(std::make_unique<UnwantedJob>(), loop.mailbox(), JobKind::kDerive);
  pool->submit(std::make_unique<FunctionJob>([] {}, [&] { loop.stop(); }), loop.mailbox(),
               JobKind::kDerive);
  run_loop();
}

// A job with a semaphore that its end releases.
struct GivenUpJob final : Job {
  explicit GivenUpJob(std::counting_semaphore<100>& is_gone) : gone(is_gone) {}
  ~GivenUpJob() override { gone.release(); }
  bool is_wanted() const override { return false; }
  void work() override { FAIL() << "it is of no use"; }
  void done() override { FAIL() << "it was not done"; }
  std::counting_semaphore<100>& gone;
};

// Clients that come, leave a password and go piled up what no limit counts.
TEST_F(PoolTest, JobsThatAreNotWantedAnyMoreDoNotPileUpBehindOneThatTakesLong) {
  std::counting_semaphore<100> gone(0);
  std::binary_semaphore begun(0);
  std::binary_semaphore go(0);
  pool->submit(std::make_unique<FunctionJob>(
                   [&] {
                     begun.release();
                     go.acquire();
                   },
                   [&] { loop.stop(); }),
               loop.mailbox(), JobKind::kDerive);
  begun.acquire();
  constexpr int kJobs = 50;
  int dropped = 0;
  for (int i = 0; i < kJobs; ++i) {
    pool->submit(std::make_unique<GivenUpJob>(gone), loop.mailbox(), JobKind::kDerive);
  }
  while (gone.try_acquire()) ++dropped;
  EXPECT_GE(dropped, 48);
  go.release();
  run_loop();
  for (; dropped < kJobs; ++dropped) gone.acquire();
}

// Its thread had kept it until another job came.
TEST_F(PoolTest, AJobThatIsNotWantedIsGoneThoughNoOtherComes) {
  std::counting_semaphore<100> gone(0);
  pool->submit(std::make_unique<GivenUpJob>(gone), loop.mailbox(), JobKind::kDerive);
  EXPECT_TRUE(gone.try_acquire_for(10s));
}

}  // namespace
}  // namespace runtime
