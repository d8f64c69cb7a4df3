#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "tests/server/config_parsing.h"

namespace server {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using Verb = CommandLine::Verb;

TEST(ConfigTest, HasADefaultForEverything) {
  const Parsing parsing = serve({});
  ASSERT_EQ(parsing.line.verb, Verb::kServe) << parsing.err;
  const ServeConfig& config = parsing.line.serve;
  EXPECT_EQ(config.wal_directory, "/wal");
  EXPECT_EQ(config.listen_addresses, std::vector<std::string>{"localhost"});
  EXPECT_EQ(config.port, 5433);
  EXPECT_GE(config.workers, 1u);
  EXPECT_EQ(config.acceptors, 1u);
  EXPECT_EQ(config.io_threads, 2);
  EXPECT_EQ(config.reloadable.max_wal_senders, 10'000);
  EXPECT_EQ(config.reloadable.wal_sender_timeout, milliseconds(60'000));
  EXPECT_EQ(config.reloadable.authentication_timeout, milliseconds(60'000));
  EXPECT_EQ(config.reloadable.shutdown_timeout, milliseconds(10'000));
  EXPECT_EQ(config.copy_threshold, 16u << 10);
  EXPECT_EQ(config.wal_keep_size, 1u << 30);
  EXPECT_EQ(config.max_slot_wal_keep_size, std::nullopt);
  EXPECT_EQ(config.settings.find("max_slot_wal_keep_size")->value, "-1");
  EXPECT_EQ(config.min_free_space, 64u << 20);
  EXPECT_EQ(config.wal_segment_size.bytes(), 16u << 20);
  EXPECT_EQ(config.reloadable.log_level, runtime::log::Level::kLog);
  EXPECT_EQ(config.standby_table, milliseconds(0));
  EXPECT_EQ(config.run_for, milliseconds(0));
}

TEST(ConfigTest, SwitchesTakePostgresWords) {
  for (const char* word : {"off", "false", "no", "0", "of"}) {
    const Parsing parsing = serve({"--hot-standby-feedback", word});
    EXPECT_EQ(parsing.shown("hot_standby_feedback"), "off") << word;
    EXPECT_FALSE(parsing.line.serve.hot_standby_feedback) << word;
  }
  EXPECT_EQ(serve({"--create-primary-slot"}).shown("create_primary_slot"), "on");
  EXPECT_EQ(serve({"--create-primary-slot=off"}).shown("create_primary_slot"), "off");
}

TEST(ConfigTest, AFlagIsStrongerThanTheFile) {
  const Parsing parsing =
      serve_file("port = 6000\nworkers = 3\n", {"--wal-directory", "/wal", "--port", "7000"});
  EXPECT_EQ(parsing.line.serve.port, 7000);
  EXPECT_EQ(parsing.line.serve.workers, 3u);
  EXPECT_EQ(parsing.shown("port"), "7000");
}

TEST(ConfigTest, AFileMayHaveCommentsAndBlankLinesAndQuotes) {
  const Parsing parsing = serve_file("# WAL\n\nwal_directory = '/wal'\nport=6000\n");
  ASSERT_EQ(parsing.line.verb, Verb::kServe) << parsing.err;
  EXPECT_EQ(parsing.line.serve.wal_directory, "/wal");
  EXPECT_EQ(parsing.line.serve.port, 6000);
}

void expect_refused(const Parsing& parsing, const std::string& text) {
  EXPECT_EQ(parsing.line.verb, Verb::kExit) << text;
  EXPECT_NE(parsing.line.exit_code, 0) << text;
  EXPECT_THAT(parsing.err, HasSubstr(text));
}

TEST(ConfigTest, RefusesAValueThatIsNone) {
  const std::pair<const char*, const char*> cases[] = {{"port", "65536"},
                                                       {"port", "x"},
                                                       {"port", "-1"},
                                                       {"workers", "0"},
                                                       {"workers", "1025"},
                                                       {"io-threads", "0"},
                                                       {"max-wal-senders", "0"},
                                                       {"wal-sender-timeout", "soon"},
                                                       {"copy-threshold", "129kB"},
                                                       {"wal-segment-size", "3MB"},
                                                       {"wal-segment-size", "2GB"},
                                                       {"record-size", "20"},
                                                       {"record-size", "9..8"},
                                                       {"record-size", "100.."},
                                                       {"log-level", "loud"},
                                                       {"hot-standby-feedback", "2"},
                                                       {"standby-table", "-1s"}};
  for (const auto& [flag, value] : cases) {
    expect_refused(serve({"--" + std::string(flag), value}),
                   "invalid value for parameter \"" + std::string(flag) + "\": \"" + value + "\"");
  }
}

TEST(ConfigTest, TheAuthenticationTimeoutIsPostgresOwn) {
  const auto taken = [](const char* text) {
    return serve({"--authentication-timeout", text}).line.serve.reloadable.authentication_timeout;
  };
  EXPECT_EQ(taken("1"), milliseconds(1'000)) << "counted in seconds";
  EXPECT_EQ(taken("600"), milliseconds(600'000));
  EXPECT_EQ(taken("1500ms"), milliseconds(2'000)) << "whole ones";
  for (const auto& [text, seconds] :
       {std::pair("0", "0"), std::pair("400ms", "0"), std::pair("601", "601"),
        std::pair("11min", "660"), std::pair("-1", "-1")}) {
    expect_refused(serve({"--authentication-timeout", text}),
                   std::string(seconds) +
                       " s is outside the valid range for parameter \"authentication_timeout\" "
                       "(1 .. 600)");
  }
  expect_refused(serve({"--authentication-timeout", "soon"}),
                 "invalid value for parameter \"authentication_timeout\": \"soon\"");
}

TEST(ConfigTest, AddressesMayHaveBlanksAroundThem) {
  const Parsing parsing = serve({"--listen-addresses", " localhost,  127.0.0.2 "});
  EXPECT_EQ(parsing.line.serve.listen_addresses,
            (std::vector<std::string>{"localhost", "127.0.0.2"}));
  EXPECT_EQ(parsing.shown("listen_addresses"), "localhost,127.0.0.2");
  for (const char* list : {"", " ", "localhost,", "localhost,,127.0.0.2"}) {
    expect_refused(serve({"--listen-addresses", list}),
                   "invalid value for parameter \"listen-addresses\": \"" + std::string(list));
  }
}

TEST(ConfigTest, RefusesABadValueInTheFile) {
  expect_refused(serve_file("port = 65536\n", {"--wal-directory", "/wal"}),
                 "invalid value for parameter \"port\": \"65536\"");
}

TEST(ConfigTest, RefusesAnOptionItDoesNotKnow) {
  expect_refused(serve({"--no-such", "1"}), "--no-such");
  expect_refused(serve_file("no_such = 1\n", {"--wal-directory", "/wal"}), "no_such");
}

TEST(ConfigTest, RefusesAFileThatIsNotThere) {
  expect_refused(serve({"--config", "/nonexistent/walcast.conf"}), "/nonexistent/walcast.conf");
}

TEST(ConfigTest, NeedsExactlyOneSource) {
  const std::string text = "give one of --primary-conninfo, --wal-directory and --synthetic";
  expect_refused(Parsing({"serve"}), text);
  expect_refused(serve({"--synthetic", "50MB/s", "--spool-directory", "/spool"}), text);
}

TEST(ConfigTest, WhoServesThePrimarysOwnWalNeedsASlotAndNoSpool) {
  const std::string conninfo = "host=h";
  expect_refused(serve({"--primary-conninfo", conninfo}), "needs --primary-slot-name");
  const std::vector<std::string> attach{"--primary-conninfo", conninfo, "--primary-slot-name", "s"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), attach.begin(), attach.end());
    return serve(more);
  };
  expect_refused(with({"--spool-directory", "/spool"}), "one of --spool-directory");
  expect_refused(with({"--upstream-ack", "any 1 (*)"}), "--upstream-ack needs --spool-directory");
  expect_refused(with({"--recovery-target-timeline", "3"}),
                 "--recovery-target-timeline is for --wal-directory alone");
  EXPECT_EQ(with({}).line.verb, Verb::kServe);
}

TEST(ConfigTest, TheTimelineOfADirectoryMayBeChosen) {
  const Parsing parsing = serve({"--recovery-target-timeline", "3"});
  EXPECT_EQ(parsing.line.serve.recovery_target_timeline.number, wal::TimelineId{3});
  EXPECT_EQ(parsing.shown("recovery_target_timeline"), "3");
  EXPECT_EQ(serve({}).shown("recovery_target_timeline"), "latest");
  expect_refused(serve({"--recovery-target-timeline", "newest"}), "newest");
}

TEST(ConfigTest, ARelayHasPostgresNamesAndUnitsAndHidesItsConninfo) {
  expect_refused(Parsing({"serve", "--primary-conninfo", "host=h"}),
                 "--primary-conninfo needs --spool-directory");
  const Parsing parsing({"serve", "--primary-conninfo", "host=h password=secret",
                         "--spool-directory", "/spool", "--wal-receiver-status-interval", "7",
                         "--wal-receiver-timeout", "7", "--primary-slot-name", "s",
                         "--create-primary-slot", "--hot-standby-feedback", "off"});
  ASSERT_EQ(parsing.line.verb, Verb::kServe) << parsing.err;
  const server::ServeConfig& relay = parsing.line.serve;
  EXPECT_EQ(relay.primary_conninfo, "host=h password=secret");
  EXPECT_EQ(parsing.shown("primary_conninfo"), "********");
  EXPECT_EQ(relay.wal_receiver_status_interval, std::chrono::seconds(7)) << "counted in seconds";
  EXPECT_EQ(relay.wal_receiver_timeout, std::chrono::milliseconds(7));
  EXPECT_EQ(relay.primary_slot_name, "s");
  EXPECT_TRUE(relay.create_primary_slot);
  EXPECT_FALSE(relay.hot_standby_feedback);
}

TEST(ConfigTest, ASyntheticSourceNeedsASpool) {
  expect_refused(Parsing({"serve", "--synthetic", "50MB/s"}),
                 "--synthetic needs --spool-directory");
  const Parsing parsing({"serve", "--synthetic", "50MB/s", "--spool-directory", "/spool"});
  ASSERT_EQ(parsing.line.verb, Verb::kServe) << parsing.err;
  EXPECT_EQ(parsing.line.serve.synthetic_rate, 50u << 20);
  for (const char* rate : {"0", "fast", "-1MB/s"}) {
    expect_refused(Parsing({"serve", "--spool-directory", "/spool", "--synthetic", rate}),
                   "invalid value for parameter \"synthetic\": \"" + std::string(rate) + "\"");
  }
}

TEST(ConfigTest, NeedsACommand) {
  const Parsing parsing({});
  EXPECT_EQ(parsing.line.verb, Verb::kExit);
  EXPECT_NE(parsing.line.exit_code, 0);
}

TEST(ConfigTest, HelpAndVersionAreAnswers) {
  const Parsing help({"serve", "--help"});
  EXPECT_EQ(help.line.verb, Verb::kExit);
  EXPECT_EQ(help.line.exit_code, 0);
  EXPECT_THAT(help.out, HasSubstr("--wal-directory"));
  EXPECT_THAT(help.out, HasSubstr("--hot_standby_feedback TEXT=on"));
  EXPECT_EQ(help.err, "");
  const Parsing version({"--version"});
  EXPECT_EQ(version.line.exit_code, 0);
  EXPECT_EQ(version.out, "walcast " WALCAST_VERSION "\n");
}

TEST(ConfigTest, GenerateHasOptionsOfItsOwn) {
  const Parsing parsing({"generate", "--size", "64MB", "--record-size", "100", "--wal-segment-size",
                         "1MB", "--seed", "7", "--sync", "/out"});
  ASSERT_EQ(parsing.line.verb, Verb::kGenerate) << parsing.err;
  const wal::GenerateOptions& options = parsing.line.generate;
  EXPECT_EQ(options.directory, "/out");
  EXPECT_EQ(options.size_bytes, 64u << 20);
  EXPECT_EQ(options.records.record_bytes_min, 100u);
  EXPECT_EQ(options.records.record_bytes_max, 100u);
  EXPECT_EQ(options.records.seed, 7u);
  EXPECT_EQ(options.segment_size.bytes(), 1u << 20);
  EXPECT_TRUE(options.sync);
}

TEST(ConfigTest, ASeedIsIndependentOfTheOrderOfOptions) {
  const Parsing parsing({"generate", "--seed", "7", "/out", "--record-size", "100"});
  ASSERT_EQ(parsing.line.verb, Verb::kGenerate) << parsing.err;
  EXPECT_EQ(parsing.line.generate.records.seed, 7u);
  EXPECT_EQ(parsing.line.generate.records.record_bytes_min, 100u);
}

TEST(ConfigTest, GenerateNeedsADirectory) { expect_refused(Parsing({"generate"}), "directory"); }

}  // namespace
}  // namespace server
