#include "bench/live/process_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <ctime>

#include "bench/live/server_meter.h"

namespace bench::live {
namespace {

using testing::ElementsAre;

// A child that waits for the end of a pipe, or works for a while first.
class Child {
 public:
  explicit Child(bool works = false) {
    EXPECT_EQ(::pipe(pipe_.data()), 0);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::close(pipe_[1]);
    timespec used{};
    while (works && used.tv_sec == 0 && used.tv_nsec < 50'000'000) {
      ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    }
    char byte = 0;
    static_cast<void>(::read(pipe_[0], &byte, 1));
    ::_exit(0);
  }
  ~Child() { end(); }

  pid_t pid() const { return pid_; }
  void end() {
    if (pid_ == 0) return;
    ::close(pipe_[1]);
    ::close(pipe_[0]);
    EXPECT_EQ(::waitpid(pid_, nullptr, 0), pid_);
    pid_ = 0;
  }

 private:
  std::array<int, 2> pipe_{};
  pid_t pid_ = 0;
};

TEST(ProcessTreeTest, AProcessIsCountedWithItsChildren) {
  const ProcessTree self({::getpid()}, {});
  const std::size_t alone = self.use().processes;
  EXPECT_GE(alone, 1u);
  Child child;
  EXPECT_EQ(self.use().processes, alone + 1);
  EXPECT_EQ(ProcessTree({::getpid()}, {child.pid()}).use().processes, alone);
  EXPECT_EQ(ProcessTree({::getpid(), child.pid()}, {}).use().processes, alone + 1);
}

TEST(ProcessTreeTest, WhatAChildHasUsedCountsWhenItHasEnded) {
  const ProcessTree self({::getpid()}, {});
  const std::uint64_t before = self.use().cpu_ns;
  Child child(/*works=*/true);
  child.end();
  EXPECT_GE(self.use().cpu_ns, before + 40'000'000);  // ticks are of 10 ms
}

TEST(ProcessTreeTest, MemoryAndSwitchesAreCounted) {
  const ProcessTree self({::getpid()}, {});
  ASSERT_TRUE(self.pss().has_value());
  EXPECT_GT(*self.pss(), 100'000u);
  Child child;
  child.end();  // which is waited for
  EXPECT_GT(self.use().voluntary_switches + self.use().involuntary_switches, 0u);
}

TEST(ProcessTreeTest, AProcessThatIsNotThereIsMissing) {
  EXPECT_THAT(ProcessTree({::getpid(), 1 << 29}, {}).missing(), ElementsAre(1 << 29));
  EXPECT_EQ(ProcessTree({1 << 29}, {}).use().processes, 0u);
  EXPECT_EQ(ProcessTree({1 << 29}, {}).pss(), 0u);
}

TEST(ProcessTreeTest, AStatIsReadThoughTheNameHasParentheses) {
  const auto stat =
      parse_process_stat("17 (a) b) S 5 6 7 8 9 10 11 12 13 14 150 160 17 18 20 0 1 0");
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->parent, 5);
  EXPECT_EQ(stat->children_ticks, 35u);  // cutime and cstime
  EXPECT_FALSE(parse_process_stat("17 (a) S 5").has_value());
  EXPECT_FALSE(parse_process_stat("").has_value());
}

TEST(ProcessTreeTest, ANumberStandsBehindItsWholeName) {
  const std::string status = "nonvoluntary_ctxt_switches:\t7\nvoluntary_ctxt_switches:\t9\nA:\tx\n";
  EXPECT_EQ(number_behind(status, "voluntary_ctxt_switches"), 9u);
  EXPECT_FALSE(number_behind(status, "A").has_value());
  EXPECT_FALSE(number_behind(status, "B").has_value());
}

TEST(ProcessTreeTest, WhatAHostDoesIsAllButIdling) {
  EXPECT_EQ(parse_busy_ticks("cpu  1 2 4 800 900 8 16 32 0 0\ncpu0 1"), 63u);
  EXPECT_FALSE(parse_busy_ticks("cpu 1 2").has_value());
  EXPECT_FALSE(parse_busy_ticks("intr 1 2 3 4 5 6 7 8 9").has_value());
  EXPECT_GT(host_busy_ns(), 0u);
}

TEST(HostMeterTest, OthersAreWhatIsLeft) {
  HostMeter meter;
  EXPECT_FALSE(meter.others(0).has_value());
  meter.begin();
  meter.end();
  ASSERT_TRUE(meter.others(0).has_value());
  EXPECT_GE(*meter.others(0), 0);
  EXPECT_EQ(*meter.others(1e9), 0);  // the server alone has done more than all
}

TEST(ServerMeterTest, CostIsDividedByWhatWasDone) {
  ServerMeter meter({::getpid()}, {});
  meter.before_fleet();
  meter.begin();
  Child child(/*works=*/true);
  child.end();
  meter.end();
  const auto cost = meter.result(
      {.commits = 10, .deliveries = 40, .wal_bytes = std::uint64_t{1} << 30, .standbys = 4});
  EXPECT_THAT(cost.pids, ElementsAre(::getpid()));
  EXPECT_GE(cost.cpu_seconds, 0.04);
  EXPECT_NEAR(cost.cpu_us_per_commit, cost.cpu_seconds * 1e5, 1);
  EXPECT_NEAR(cost.cpu_us_per_delivery, cost.cpu_seconds * 1e6 / 40, 1);
  EXPECT_NEAR(cost.cpu_seconds_per_gb, cost.cpu_seconds, 1e-9);
  EXPECT_TRUE(cost.pss_bytes_per_standby.has_value());
  EXPECT_EQ(meter.result({}).cpu_us_per_delivery, 0);
}

}  // namespace
}  // namespace bench::live
