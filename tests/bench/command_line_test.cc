#include "bench/walbench/command_line.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace bench::walbench {
namespace {

using server::wal::Lsn;
using server::wal::TimelineId;

std::variant<Options, ExitStatus> parse(const std::vector<const char*>& arguments) {
  std::vector<const char*> argv{"walbench"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return parse_options(static_cast<int>(argv.size()), argv.data());
}

Options options_of(const std::vector<const char*>& arguments) {
  const auto parsed = parse(arguments);
  EXPECT_TRUE(std::holds_alternative<Options>(parsed));
  return std::get<Options>(parsed);
}

TEST(OptionsTest, NothingGivenIsOneStandbyWithoutEnd) {
  const Options options = options_of({});
  EXPECT_EQ(options.standbys(), 1u);
  EXPECT_EQ(options.threads, 1u);
  EXPECT_EQ(options.status_interval, std::chrono::seconds(1));
  EXPECT_FALSE(options.start || options.until || options.duration || options.timeline);
  EXPECT_TRUE(options.verify_directory.empty());
}

TEST(OptionsTest, StampsAreLookedForInsteadOfComparing) {
  EXPECT_EQ(options_of({"--stamps", "round1"}).stamps, "round1");
  const tests::TempDir directory;
  EXPECT_TRUE(std::holds_alternative<ExitStatus>(
      parse({"--stamps", "round1", "--verify", directory.path().c_str()})));
}

TEST(OptionsTest, EverythingCanBeGiven) {
  const tests::TempDir directory;
  const Options options = options_of({"--host",
                                      "::1",
                                      "--port",
                                      "6000",
                                      "--standbys",
                                      "30",
                                      "--threads",
                                      "3",
                                      "--start",
                                      "16/B374D848",
                                      "--until",
                                      "17/0",
                                      "--verify",
                                      directory.path().c_str(),
                                      "--slow",
                                      "2",
                                      "--slow-rate",
                                      "64kB/s",
                                      "--duration",
                                      "2min",
                                      "--status-interval",
                                      "250ms",
                                      "--application-name",
                                      "crowd",
                                      "--user",
                                      "someone",
                                      "--timeline",
                                      "7",
                                      "--logins",
                                      "12",
                                      "--sslmode",
                                      "verify-full",
                                      "--sslrootcert",
                                      "/proc/self/cmdline",
                                      "--json",
                                      "--progress"});
  EXPECT_EQ(options.host, "::1");
  EXPECT_EQ(options.port, 6000);
  EXPECT_EQ(options.standbys(), 30u);
  EXPECT_EQ(options.threads, 3u);
  EXPECT_EQ(options.start, Lsn(0x16'B374D848));
  EXPECT_EQ(options.until, Lsn(0x17'00000000));
  EXPECT_EQ(options.verify_directory, directory.path());
  ASSERT_EQ(options.groups.size(), 2u);
  EXPECT_EQ(options.groups[0].name, "fast");
  EXPECT_EQ(options.groups[1].name, "slow");
  EXPECT_EQ(options.groups[1].count, 2u);
  EXPECT_EQ(options.groups[1].bytes_per_second, 65'536u);
  EXPECT_EQ(options.duration, std::chrono::minutes(2));
  EXPECT_EQ(options.status_interval, std::chrono::milliseconds(250));
  EXPECT_EQ(options.application_name, "crowd");
  EXPECT_EQ(options.user, "someone");
  EXPECT_EQ(options.timeline, TimelineId{7});
  EXPECT_EQ(options.logins_max, 12u);
  EXPECT_EQ(options.ssl_mode, "verify-full");
  EXPECT_EQ(options.root_certificates, "/proc/self/cmdline");
  EXPECT_TRUE(options.json);
  EXPECT_TRUE(options.progress);
}

TEST(OptionsTest, ADurationWithoutUnitIsOfSeconds) {
  EXPECT_EQ(options_of({"--duration", "20"}).duration, std::chrono::seconds(20));
}

TEST(OptionsTest, ThereAreNoMoreThreadsThanStandbys) {
  EXPECT_EQ(options_of({"--standbys", "2", "--threads", "8"}).threads, 2u);
}

class ScenarioOptionTest : public ::testing::Test {
 protected:
  const char* file(const std::string& text) {
    std::ofstream(path_) << text;
    return path_.c_str();
  }
  bool is_refused(const std::vector<const char*>& arguments) {
    return std::holds_alternative<ExitStatus>(parse(arguments));
  }

  const tests::TempDir directory_;
  const std::string path_ = directory_.path() + "/a.toml";
};

constexpr const char* kScenario =
    "seed = 7\n[[group]]\nname = \"a\"\ncount = 3\n[[group]]\nname = \"b\"\ncount = 1\n";

TEST_F(ScenarioOptionTest, AScenarioSaysWhoComes) {
  const Options options = options_of({"--scenario", file(kScenario)});
  EXPECT_EQ(options.scenario_file, path_);
  EXPECT_EQ(options.seed, 7u);
  EXPECT_EQ(options.standbys(), 4u);
  EXPECT_EQ(options.groups[1].name, "b");
}

TEST_F(ScenarioOptionTest, ItsSizeAndSeedCanBeOthers) {
  const Options options =
      options_of({"--scenario", file(kScenario), "--standbys", "400", "--seed", "8"});
  EXPECT_EQ(options.seed, 8u);
  EXPECT_EQ(options.groups[0].count, 300u);
  EXPECT_EQ(options.groups[1].count, 100u);
}

TEST_F(ScenarioOptionTest, WhatAGroupNeedsMustBeThere) {
  const auto group = [](const char* key) {
    return "[[group]]\nname = \"a\"\ncount = 3\n" + std::string(key) + "\n";
  };
  EXPECT_TRUE(is_refused({"--scenario", file(group("verify = true"))}));
  EXPECT_FALSE(is_refused(
      {"--scenario", file(group("verify = true")), "--verify", directory_.path().c_str()}));
  EXPECT_TRUE(is_refused({"--scenario", file(group("sslmode = \"verify-full\""))}));
  EXPECT_TRUE(is_refused({"--scenario", file(group("feedback = true"))}));
  EXPECT_FALSE(is_refused({"--scenario", file(group("feedback = 750"))}));
  EXPECT_TRUE(is_refused({"--scenario", file(group("nonsense = 1"))}));
}

TEST_F(ScenarioOptionTest, WhatItSaysIsNotSaidAgain) {
  EXPECT_TRUE(is_refused({"--scenario", file(kScenario), "--slow", "1"}));
  EXPECT_TRUE(is_refused({"--scenario", file(kScenario), "--standbys", "1"}));
  EXPECT_TRUE(is_refused({"--seed", "8"}));
  EXPECT_TRUE(is_refused({"--scenario", "/nonexistent"}));
}

TEST(OptionsTest, WhatMakesNoSenseIsRefused) {
  for (const auto& arguments : std::vector<std::vector<const char*>>{{"--standbys", "0"},
                                                                     {"--port", "0"},
                                                                     {"--port", "65536"},
                                                                     {"--timeline", "0"},
                                                                     {"--start", "16"},
                                                                     {"--until", "0/123456789"},
                                                                     {"--duration", "0"},
                                                                     {"--duration", "-1s"},
                                                                     {"--duration", "10x"},
                                                                     {"--duration", "9999d"},
                                                                     {"--status-interval", "10S"},
                                                                     {"--slow-rate", "1MB"},
                                                                     {"--slow-rate", "1mb/s"},
                                                                     {"--slow-rate", "0B/s"},
                                                                     {"--verify", "/nonexistent"},
                                                                     {"--logins", "0"},
                                                                     {"--sslmode", "prefer"},
                                                                     {"--sslmode", "verify-full"},
                                                                     {"--sslrootcert", "/no"},
                                                                     {"--nonsense"},
                                                                     {"stray"}}) {
    const auto parsed = parse(arguments);
    ASSERT_TRUE(std::holds_alternative<ExitStatus>(parsed)) << arguments.front();
    EXPECT_NE(std::get<ExitStatus>(parsed).value, 0);
  }
}

TEST(OptionsTest, HelpEndsWithoutError) {
  const auto parsed = parse({"--help"});
  ASSERT_TRUE(std::holds_alternative<ExitStatus>(parsed));
  EXPECT_EQ(std::get<ExitStatus>(parsed).value, 0);
}

}  // namespace
}  // namespace bench::walbench
