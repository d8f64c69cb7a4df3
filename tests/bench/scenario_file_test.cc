#include "bench/behaviour/scenario_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/temp_dir.h"

namespace bench::behaviour {
namespace {

using server::wal::Lsn;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

Group group_of(const std::string& keys) {
  const auto scenario = parse_scenario("a.toml", "[[group]]\nname = \"g\"\ncount = 1\n" + keys);
  EXPECT_TRUE(scenario.has_value()) << scenario.error().what;
  return scenario.has_value() ? scenario->groups.at(0) : Group{};
}

std::string error_of(const std::string& text) {
  const auto scenario = parse_scenario("a.toml", text);
  EXPECT_FALSE(scenario.has_value()) << text;
  return scenario.has_value() ? "" : scenario.error().what;
}

// The keys begin in line 4.
std::string error_of_keys(const std::string& keys) {
  return error_of("[[group]]\nname = \"g\"\ncount = 1\n" + keys);
}

TEST(ScenarioFileTest, AGroupThatOnlyHasANameAndACountDoesNothingSpecial) {
  const Group group = group_of("");
  EXPECT_EQ(group.name, "g");
  EXPECT_EQ(group.count, 1u);
  EXPECT_TRUE(describe(group).empty());
}

TEST(ScenarioFileTest, EverythingCanBeSaid) {
  const auto scenario = parse_scenario("a.toml", R"(
seed = 17
[[group]]
name = "first_1-x"
count = 20000
arrive = "1.5s"
ramp = "2min"
start = "64MB back"
rate = "100kB/s"
stall_from = "3s"
stall_to = "4s"
reconnect_every = "10s"
reconnect_jitter = "250ms"
retry = "100ms"
acknowledge_delay = "50ms"
feedback = 750
slots = "standby"
verify = false
user = "someone"
password = "secret"
sslmode = "require"
[[group]]
name = "second"
count = 1
)");
  ASSERT_TRUE(scenario.has_value()) << scenario.error().what;
  EXPECT_EQ(scenario->seed, 17u);
  ASSERT_EQ(scenario->groups.size(), 2u);
  const Group& group = scenario->groups[0];
  EXPECT_EQ(group.count, 20'000u);
  EXPECT_EQ(group.arrive, milliseconds(1500));
  EXPECT_EQ(group.ramp, seconds(120));
  EXPECT_EQ(group.start.kind, StartPoint::Kind::kBack);
  EXPECT_EQ(group.start.back_bytes, std::uint64_t{64} << 20);
  EXPECT_EQ(group.bytes_per_second, 102'400u);
  EXPECT_EQ(group.stall->from, seconds(3));
  EXPECT_EQ(group.stall->to, seconds(4));
  EXPECT_EQ(group.reconnect_every, seconds(10));
  EXPECT_EQ(group.reconnect_jitter, milliseconds(250));
  EXPECT_EQ(group.retry, milliseconds(100));
  EXPECT_EQ(group.acknowledge_delay, milliseconds(50));
  EXPECT_EQ(group.feedback->xid, 750u);
  EXPECT_EQ(group.slots, "standby");
  EXPECT_EQ(group.verify, false);
  EXPECT_EQ(group.user, "someone");
  EXPECT_EQ(group.password, "secret");
  EXPECT_EQ(group.ssl_mode, "require");
  EXPECT_EQ(scenario->groups[1].name, "second");
}

TEST(ScenarioFileTest, AStartIsTheEndOrAPosition) {
  EXPECT_EQ(group_of("start = \"end\"").start.kind, StartPoint::Kind::kEnd);
  EXPECT_EQ(group_of("start = \"16/B374D848\"").start.lsn, Lsn(0x16'B374D848));
}

TEST(ScenarioFileTest, AStallMayHaveNoEndAndFeedbackMayAskThePrimary) {
  EXPECT_FALSE(group_of("stall_from = \"1s\"").stall->to.has_value());
  EXPECT_TRUE(group_of("feedback = true").feedback->asks_primary);
  EXPECT_FALSE(group_of("feedback = false").feedback.has_value());
}

TEST(ScenarioFileTest, AStandbyThatReconnectsTriesAgainWhenItIsRefused) {
  EXPECT_EQ(group_of("reconnect_every = \"3s\"").retry, seconds(1));
  EXPECT_FALSE(group_of("").retry.has_value());
}

TEST(ScenarioFileTest, ErrorsNameFileLineAndKey) {
  EXPECT_EQ(error_of_keys("\nraet = \"1MB/s\""),
            "a.toml:5: unknown key \"raet\"; of a group are known: name, count, arrive, ramp, "
            "start, rate, stall_from, stall_to, reconnect_every, reconnect_jitter, retry, "
            "acknowledge_delay, feedback, slots, verify, user, password, sslmode");
  EXPECT_EQ(error_of_keys("ramp = \"5 parsecs\""),
            "a.toml:4: invalid value for parameter \"ramp\": \"5 parsecs\" (Valid units for this "
            "parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".)");
  EXPECT_EQ(error_of_keys("ramp = 5"), "a.toml:4: ramp: a text such as \"500ms\" is expected");
  EXPECT_EQ(error_of("[[group]]\ncount = 1\n"), "a.toml:1: name: this group has none");
  EXPECT_EQ(error_of("seed = 1\n\n[[group]]\nname = \"g\"\n"),
            "a.toml:3: count: group \"g\" has none");
  EXPECT_EQ(error_of("[group]\nname = \"g\"\n"), "a.toml:1: group: it begins by [[group]]");
  EXPECT_EQ(error_of("seed = 1\n"), "a.toml: there is no [[group]]");
  EXPECT_EQ(error_of("seeds = 1\n"),
            "a.toml:1: unknown key \"seeds\"; \"seed\" and \"[[group]]\" are known");
  EXPECT_THAT(error_of("[[group]]\nname = \"g\ncount = 1\n"), HasSubstr("a.toml:2: "));
}

TEST(ScenarioFileTest, WhatMakesNoSenseIsRefused) {
  for (const char* keys : {"arrive = \"-1s\"",
                           "arrive = \"2\"\narrive = \"3\"",
                           "ramp = \"9999d\"",
                           "start = \"begin\"",
                           "start = \"1XB back\"",
                           "start = \"0\"",
                           "rate = \"0B/s\"",
                           "rate = \"1MB/min\"",
                           "rate = 1000",
                           "stall_to = \"4s\"",
                           "stall_from = \"4s\"\nstall_to = \"4s\"",
                           "reconnect_jitter = \"1s\"",
                           "reconnect_every = \"1s\"\nreconnect_jitter = \"1s\"",
                           "feedback = 2",
                           "feedback = \"yes\"",
                           "slots = \"\"",
                           "slots = \"Standby\"",
                           "verify = 1",
                           "user = 7",
                           "sslmode = \"prefer\""}) {
    EXPECT_THAT(error_of_keys(keys), testing::StartsWith("a.toml:")) << keys;
  }
  for (const char* group :
       {"name = \"g\"\ncount = 0", "name = \"g\"\ncount = 1000001", "name = \"g\"\ncount = \"1\"",
        "name = \"\"\ncount = 1", "name = \"G h\"\ncount = 1", "name = 1\ncount = 1"}) {
    EXPECT_THAT(error_of(std::string("[[group]]\n") + group), testing::StartsWith("a.toml:"))
        << group;
  }
  const std::string half = "[[group]]\nname = \"a\"\ncount = 600000\n";
  EXPECT_THAT(error_of(half + half), HasSubstr("there are two groups \"a\""));
  EXPECT_THAT(error_of(half + "[[group]]\nname = \"b\"\ncount = 600000\n"),
              HasSubstr("more than 1000000 standbys"));
  EXPECT_THAT(error_of("seed = -1\n"), HasSubstr("seed: "));
}

TEST(ScenarioFileTest, AFileThatIsNotThereIsSaidToBeMissing) {
  const tests::TempDir directory;
  EXPECT_FALSE(read_scenario(directory.path() + "/none.toml").has_value());
}

TEST(ScenarioFileTest, TheReadyScenariosAreRight) {
  std::size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator(WALBENCH_SCENARIOS)) {
    const auto scenario = read_scenario(file.path().string());
    EXPECT_TRUE(scenario.has_value()) << scenario.error().what;
    EXPECT_EQ(count_standbys(scenario->groups), 100u) << file.path();
    ++count;
  }
  EXPECT_EQ(count, 6u);
}

}  // namespace
}  // namespace bench::behaviour
