#include "bench/live/live_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "bench/live/live_run.h"
#include "bench/live/sql_session.h"
#include "bench/live/writer.h"
#include "runtime/file.h"
#include "tests/support/temp_dir.h"

namespace bench::live {
namespace {

using server::wal::Lsn;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::variant<LiveOptions, walbench::ExitStatus> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "live");
  return parse_live_options(static_cast<int>(arguments.size()), arguments.data());
}

LiveOptions options_of(const std::vector<const char*>& arguments) {
  const auto parsed = parse(arguments);
  EXPECT_TRUE(std::holds_alternative<LiveOptions>(parsed));
  return std::get<LiveOptions>(parsed);
}

TEST(LiveOptionsTest, NothingGivenIsTenSecondsOnTheStandbysOwnServer) {
  const LiveOptions options = options_of({"--port", "6000"});
  EXPECT_EQ(options.conninfo, "host='127.0.0.1' port=6000 user='postgres' dbname=postgres");
  EXPECT_EQ(options.rate, 200);
  EXPECT_EQ(options.commits, 2'000);
  EXPECT_EQ(options.duration, seconds(10));
  EXPECT_EQ(options.window(), seconds(1));
  EXPECT_TRUE(options.json_file.empty());
}

TEST(LiveOptionsTest, EverythingCanBeGiven) {
  const tests::TempDir directory;
  const LiveOptions options = options_of(
      {"--write",      "[::1]:7000", "--user",          "it's",   "--rate",         "1000/s",
       "--commits",    "50",         "--warm-up",       "500ms",  "--commit-bytes", "2kB",
       "--writers",    "3",          "--look-interval", "5ms",    "--server-pid",   "7",
       "--server-pid", "8",          "--html",          "a.html", "--json",         "a.json",
       "--standbys",   "30",         "--slow",          "2"});
  EXPECT_EQ(options.conninfo, "host='::1' port=7000 user='it\\'s' dbname=postgres");
  EXPECT_EQ(options.rate, 1'000);
  EXPECT_EQ(options.commits, 50);
  EXPECT_FALSE(options.duration.has_value());  // all 50 are written, however long that takes
  EXPECT_EQ(options.warm_up, milliseconds(500));
  EXPECT_EQ(options.commit_bytes, 2'048u);
  EXPECT_EQ(options.writers, 3);
  EXPECT_EQ(options.look_interval, milliseconds(5));
  EXPECT_THAT(options.server_pids, ElementsAre(7, 8));
  EXPECT_EQ(options.html_file, "a.html");
  EXPECT_EQ(options.json_file, "a.json");
  ASSERT_EQ(options.fleet.groups.size(), 2u);
  EXPECT_EQ(options.fleet.groups[0].count, 28u);
  EXPECT_EQ(options.fleet.groups[1].count, 2u);
}

TEST(LiveOptionsTest, JsonWithoutAFileIsPrinted) {
  EXPECT_EQ(options_of({"--json", "--standbys", "2"}).json_file, "-");
  EXPECT_EQ(options_of({"--json"}).json_file, "-");
}

TEST(LiveOptionsTest, AConninfoIsTakenAsItIs) {
  EXPECT_EQ(options_of({"--write", "host=a dbname=b"}).conninfo, "host=a dbname=b");
  EXPECT_EQ(conninfo_of("postgresql://a/b", "u"), "postgresql://a/b");
  for (const char* wrong : {"a", ":1", "a:", "a:b", "a:0", "a:65536", "a:1x"}) {
    EXPECT_FALSE(conninfo_of(wrong, "u").has_value()) << wrong;
  }
}

TEST(LiveOptionsTest, ACommandThatIsShownAroundHasNoPassword) {
  const std::string command =
      options_of({"--rate", "5/s", "--write", "host=a password=secret"}).command;
  EXPECT_EQ(command, "walbench live --rate 5/s --write (conninfo)");
  EXPECT_THAT(options_of({"--write", "postgresql://u:secret@a"}).command, Not(HasSubstr("secret")));
}

TEST(LiveOptionsTest, LongRunsHaveLongerWindows) {
  EXPECT_EQ(options_of({"--duration", "300s"}).window(), seconds(1));
  EXPECT_EQ(options_of({"--duration", "301s"}).window(), seconds(2));
  EXPECT_EQ(options_of({"--duration", "1h"}).window(), seconds(12));
}

class ScriptTest : public ::testing::Test {
 protected:
  std::string file(const std::string& text) {
    const std::string path = directory_.path() + "/script.sql";
    const auto opened = runtime::open_for_writing(path, runtime::OpenMode::kEmpty);
    EXPECT_TRUE(runtime::write_some_at(*opened, path, 0, std::as_bytes(std::span(text))));
    return path;
  }

  const tests::TempDir directory_;
};

TEST_F(ScriptTest, AScriptIsSql) {
  const std::string path = file("SELECT '\\x';\n\n  SELECT 2\n");
  EXPECT_EQ(options_of({"--script", path.c_str()}).script, "SELECT '\\x';\n\n  SELECT 2\n");
}

TEST_F(ScriptTest, WhatPgbenchTakesForItselfIsRefused) {
  const std::string path = file("SELECT 1;\n \\set x 1\n");
  EXPECT_TRUE(std::holds_alternative<walbench::ExitStatus>(parse({"--script", path.c_str()})));
}

TEST(LiveOptionsTest, WhatMakesNoSenseIsRefused) {
  for (const auto& arguments :
       std::vector<std::vector<const char*>>{{"--rate", "200"},
                                             {"--rate", "0/s"},
                                             {"--rate", "x/s"},
                                             {"--commits", "0"},
                                             {"--duration", "0"},
                                             {"--rate", "0.01/s", "--duration", "1s"},
                                             {"--write", "nowhere"},
                                             {"--commit-bytes", "1GB"},
                                             {"--script", "/nonexistent"},
                                             {"--writers", "0"},
                                             {"--server-pid", "0"},
                                             {"--until", "0/1"},
                                             {"--sslmode", "prefer"},
                                             {"stray"}}) {
    const auto parsed = parse(arguments);
    ASSERT_TRUE(std::holds_alternative<walbench::ExitStatus>(parsed)) << arguments.front();
    EXPECT_NE(std::get<walbench::ExitStatus>(parsed).value, 0);
  }
}

// Whatever the windows are that a long run is told by, and though it is no number of turns.
TEST(ScheduleTest, TheWarmUpTakesItsTimeAndNoMore) {
  const WallNanos now = 1'234'567'891;
  const auto schedule = Schedule::after_warm_up(now, std::chrono::milliseconds(2'050), 3, 600);
  EXPECT_EQ(schedule.begin, now + 2'050'000'000);
  EXPECT_EQ(schedule.warm_up, 6);
  EXPECT_GE(schedule.due(-6), now);
  EXPECT_LT(schedule.due(-7), now);
  EXPECT_EQ(Schedule::after_warm_up(now, std::chrono::milliseconds(2'100), 10, 1).warm_up, 21);
  EXPECT_EQ(Schedule::after_warm_up(now, {}, 1000, 1).warm_up, 0);
  EXPECT_EQ(Schedule::after_warm_up(now, {}, 1000, 1).begin, now);
}

TEST(ScheduleTest, ACommitIsDueByTheRateAndNotByTheOneBeforeIt) {
  const Schedule schedule{.begin = 1'000'000'000, .rate = 300, .warm_up = 10, .commits = 600};
  EXPECT_EQ(schedule.due(0), 1'000'000'000);
  EXPECT_EQ(schedule.due(300), 2'000'000'000);
  EXPECT_EQ(schedule.due(1), 1'003'333'333);
  EXPECT_EQ(schedule.due(-3), 990'000'000);
}

TEST(WriterTest, ATransactionOfNoBytesHasItsStampAlone) {
  EXPECT_EQ(body_of_bytes(0), "");
  EXPECT_THAT(body_of_bytes(100), HasSubstr("repeat('.', 100)"));
}

TEST(LagRecordTest, AStandbyIsBehindWhatWasCommittedWhenItWasAsked) {
  walbench::FleetSample sample;
  for (const std::uint64_t received : {1'000, 900, 1'200}) {
    sample.positions.push_back({.group_index = 0, .received = Lsn(received)});
  }
  LagRecord record;
  record.expect(Lsn(950));
  record.expect(Lsn(1'100));
  const results::Lag lag = record.take(sample, 3);
  EXPECT_EQ(lag.at, 3);
  EXPECT_EQ(lag.median_bytes, 100);
  EXPECT_EQ(lag.max_bytes, 200);
  EXPECT_EQ(lag.stragglers, 1u);  // that lacks what was committed a tick before
  EXPECT_EQ(record.take({}, 4).max_bytes, 0);
}

}  // namespace
}  // namespace bench::live
