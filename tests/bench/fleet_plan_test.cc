#include "bench/behaviour/fleet_plan.h"

#include <gtest/gtest.h>

#include <vector>

namespace bench::behaviour {
namespace {

using runtime::Duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::vector<Group> groups() {
  return {{.name = "one", .count = 3},
          {.name = "many", .count = 1000, .arrive = seconds(5), .ramp = seconds(10)},
          {.name = "herd",
           .count = 100,
           .reconnect_every = seconds(3),
           .reconnect_jitter = milliseconds(500)}};
}

// Everything that a plan says.
std::vector<Duration> times_of(const FleetPlan& plan) {
  std::vector<Duration> times;
  for (std::size_t i = 0; i < plan.standbys(); ++i) {
    times.push_back(plan.arrival(i));
    if (plan.group_of(i).reconnect_every.count() == 0) continue;
    for (std::uint64_t round = 0; round < 5; ++round) times.push_back(plan.reconnect_at(i, round));
  }
  return times;
}

TEST(FleetPlanTest, StandbysAreNumberedThroughTheGroups) {
  const FleetPlan plan(groups(), 1);
  EXPECT_EQ(plan.standbys(), 1103u);
  EXPECT_EQ(plan.group_of(0).name, "one");
  EXPECT_EQ(plan.group_of(2).name, "one");
  EXPECT_EQ(plan.group_of(3).name, "many");
  EXPECT_EQ(plan.group_index(1002), 1u);
  EXPECT_EQ(plan.group_index(1003), 2u);
}

TEST(FleetPlanTest, TheSameSeedMakesTheSamePlan) {
  EXPECT_EQ(times_of(FleetPlan(groups(), 7)), times_of(FleetPlan(groups(), 7)));
  EXPECT_NE(times_of(FleetPlan(groups(), 7)), times_of(FleetPlan(groups(), 8)));
}

TEST(FleetPlanTest, ARampSpreadsArrivalsEvenlyAndInOrder) {
  const FleetPlan plan(groups(), 3);
  EXPECT_EQ(plan.arrival(0), Duration());
  const Duration part = Duration(seconds(10)) / 1000;
  bool any_differs = false;
  for (std::size_t i = 0; i < 1000; ++i) {
    const Duration at = plan.arrival(3 + i) - seconds(5);
    EXPECT_GE(at, part * static_cast<int>(i));
    EXPECT_LT(at, part * static_cast<int>(i + 1));
    any_differs = any_differs || at != part * static_cast<int>(i);
  }
  EXPECT_TRUE(any_differs);
}

TEST(FleetPlanTest, AHerdComesTogetherUpToItsJitter) {
  const FleetPlan plan(groups(), 3);
  for (std::uint64_t round = 0; round < 10; ++round) {
    const Duration due = seconds(3) * static_cast<int>(round + 1);
    Duration first = Duration::max();
    Duration last = Duration::min();
    for (std::size_t i = 1003; i < 1103; ++i) {
      first = std::min(first, plan.reconnect_at(i, round));
      last = std::max(last, plan.reconnect_at(i, round));
    }
    EXPECT_GE(first, due);
    EXPECT_LT(last, due + milliseconds(500));
    EXPECT_GT(last - first, milliseconds(300));  // a hundred of them, spread at random
  }
}

TEST(GroupTest, AScaledFleetKeepsItsProportions) {
  const auto counts = [](std::size_t standbys) {
    std::vector<std::size_t> made;
    const std::vector<Group> fleet{{.count = 90}, {.count = 9}, {.count = 1}};
    for (const Group& group : scaled_to(fleet, standbys)) made.push_back(group.count);
    return made;
  };
  using Counts = std::vector<std::size_t>;
  EXPECT_EQ(counts(100), (Counts{90, 9, 1}));
  EXPECT_EQ(counts(1000), (Counts{900, 90, 10}));
  EXPECT_EQ(counts(10), (Counts{8, 1, 1}));
  EXPECT_EQ(counts(3), (Counts{1, 1, 1}));
}

TEST(GroupTest, ItIsDescribedByTheKeysOfAScenario) {
  Group group{.name = "all",
              .count = 2,
              .arrive = milliseconds(500),
              .ramp = seconds(90),
              .start = {.kind = StartPoint::Kind::kBack, .back_bytes = 1 << 30}};
  group.bytes_per_second = 1 << 20;
  group.stall = Stall{.from = seconds(1), .to = seconds(2)};
  group.retry = seconds(1);
  group.feedback = Feedback{.xid = 750};
  group.slots = "standby";
  group.password = "never shown";
  using Description = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(describe(group), (Description{{"arrive", "500ms"},
                                          {"ramp", "90s"},
                                          {"start", "1GB back"},
                                          {"rate", "1MB/s"},
                                          {"stall_from", "1s"},
                                          {"stall_to", "2s"},
                                          {"retry", "1s"},
                                          {"feedback", "750"},
                                          {"slots", "standby"}}));
  EXPECT_TRUE(describe(Group{}).empty());
}

}  // namespace
}  // namespace bench::behaviour
