#include "server/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "tests/server/config_parsing.h"

namespace server::config {
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
  EXPECT_EQ(serve({"--primary-conninfo=host=h", "--primary-slot-name=s", "--create-primary-slot"})
                .shown("create_primary_slot"),
            "on");
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

// The texts are PostgreSQL's where it has such a value; each has a hint that says what would do.
TEST(ConfigTest, RefusesAValueThatIsNone) {
  const std::string sizes =
      "HINT:  Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".";
  const std::string times =
      "HINT:  Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and "
      "\"d\".";
  const std::string help = "HINT:  Try \"walcast serve --help\" for more information.";
  const std::string addresses = "HINT:  Write values that are separated by commas.";
  const std::string records =
      "HINT:  Write one size in bytes or a range such as 50..8000, between 24 and";
  struct Case {
    std::string flag;
    std::string value;
    std::string hint;
  };
  for (const auto& [flag, value, hint] : std::vector<Case>{
           {"port", "x", help},
           {"wal-sender-timeout", "soon", help},
           {"wal-sender-timeout", "10sec", times},
           {"standby-table", "10 S", times},
           {"wal-keep-size", "1G", sizes},
           {"min-free-space", "16mb", sizes},
           {"max-slot-wal-keep-size", "1K", sizes},
           {"wal-segment-size", "3MB", "HINT:  It must be a power of two between 1MB and 1GB."},
           {"wal-segment-size", "2GB", "HINT:  It must be a power of two between 1MB and 1GB."},
           {"record-size", "20", records},
           {"record-size", "9..8", records},
           {"record-size", "100..", records},
           {"synthetic", "50mb/s", "Valid units are \"B/s\", \"kB/s\""},
           {"listen-addresses", "localhost,", addresses},
           {"unix-socket-directories", ",", addresses},
           {"log-level", "loud",
            "HINT:  Available values: debug, info, log, warning, error, fatal."}}) {
    std::string name = flag;
    for (char& c : name) c = c == '-' ? '_' : c;
    const Parsing parsing = serve({"--" + flag, value});
    expect_refused(parsing,
                   "FATAL:  invalid value for parameter \"" + name + "\": \"" + value + "\"\n");
    EXPECT_THAT(parsing.err, HasSubstr(hint)) << flag;
  }
  expect_refused(serve({"--hot-standby-feedback", "2"}),
                 "parameter \"hot_standby_feedback\" requires a Boolean value");
}

TEST(ConfigTest, RefusesAValueThatIsOutOfItsRange) {
  const std::pair<const char*, const char*> cases[][2] = {
      {{"port", "65536"}, {"65536", "0 .. 65535"}},
      {{"port", "-1"}, {"-1", "0 .. 65535"}},
      {{"workers", "0"}, {"0", "1 .. 1024"}},
      {{"workers", "1025"}, {"1025", "1 .. 1024"}},
      {{"io_threads", "0"}, {"0", "1 .. 256"}},
      {{"max_wal_senders", "0"}, {"0", "1 .. 1000000"}},
      {{"client_memory", "1023kB"}, {"1023 kB", "1024 .. 8789062500000000"}},
      {{"send_delay", "101ms"}, {"101 ms", "0 .. 100"}},
      {{"send_delay", "-1"}, {"-1 ms", "0 .. 100"}},
      {{"synthetic_trace_speed", "0"}, {"0", "0.001 .. 1000"}},
      {{"client_memory", "0"}, {"0 kB", "1024 .. 8789062500000000"}},
      {{"copy_threshold", "129kB"}, {"132096 B", "0 .. 131072"}},
      {{"standby_table", "-1s"}, {"-1 s", "0 .. 9000000000"}}};
  for (const auto& [given, said] : cases) {
    expect_refused(serve({std::string("--") + given.first, given.second}),
                   std::string(said.first) + " is outside the valid range for parameter \"" +
                       given.first + "\" (" + said.second + ")");
  }
}

TEST(ConfigTest, NamesOfLevelsHaveNoCase) {
  EXPECT_EQ(serve({"--log-level", "LOG"}).shown("log_level"), "log");
  EXPECT_EQ(serve({"--log-level", "Warning"}).shown("log_level"), "warning");
}

// The help names the unit of each.
TEST(ConfigTest, ABareNumberHasTheUnitThatTheHelpNames) {
  const Parsing parsing =
      serve({"--standby-table=5", "--run-for=5", "--shutdown-timeout=5", "--max-feedback-age=5",
             "--wal-sender-timeout=5", "--idle-session-timeout=5", "--min-free-space=5",
             "--wal-keep-size=5", "--copy-threshold=5"});
  const ServeConfig& config = parsing.line.serve;
  EXPECT_EQ(config.standby_table, std::chrono::seconds(5));
  EXPECT_EQ(config.run_for, std::chrono::seconds(5));
  EXPECT_EQ(config.max_feedback_age, std::chrono::seconds(5));
  EXPECT_EQ(config.reloadable.shutdown_timeout, std::chrono::seconds(5));
  EXPECT_EQ(config.reloadable.wal_sender_timeout, milliseconds(5)) << "as PostgreSQL's";
  EXPECT_EQ(config.reloadable.idle_session_timeout, milliseconds(5));
  EXPECT_EQ(config.min_free_space, 5u << 20);
  EXPECT_EQ(config.wal_keep_size, 5u << 20);
  EXPECT_EQ(config.copy_threshold, 5u);
  const std::string help = Parsing({"serve", "--help"}).out;
  for (const char* line :
       {"Print a table of the standbys this often; 0 for never; a number without a unit is in "
        "seconds (default: 0)",
        "a number without a unit is in milliseconds (default: 60s)",
        "a number without a unit is in megabytes (default: 64MB)",
        "a number without a unit is in bytes (default: 16kB)"}) {
    EXPECT_THAT(help, HasSubstr(line));
  }
}

TEST(ConfigTest, TheLastOfSeveralCounts) {
  EXPECT_EQ(serve({"--port", "6000", "--workers", "3", "--port=7000"}).line.serve.port, 7000);
  EXPECT_EQ(serve({"--port", "6000", "--port", "7000"}).line.serve.port, 7000);
  const Parsing file =
      serve_file("port = 6000\nworkers = 3\nPORT = 7000\n", {"--wal-directory", "/wal"});
  ASSERT_EQ(file.line.verb, Verb::kServe) << file.err;
  EXPECT_EQ(file.line.serve.port, 7000);
  // As in PostgreSQL, what is overruled within the file is not looked at.
  EXPECT_EQ(serve_file("port = x\nport = 7000\n", {"--wal-directory", "/wal"}).line.serve.port,
            7000);
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
}

// All faults of a file are said at once, each with its place.
TEST(ConfigTest, SaysWhereInTheFileAFaultIs) {
  const tests::TempDir dir;
  const std::string path = dir.file("walcast.conf");
  std::ofstream(path) << "port = 65536\nno_such = 1\nwal_keep_size = 1G\nport 1 2\nconfig = x\n";
  const Parsing parsing({"serve", "--wal-directory", "/wal", "--config", path});
  const std::string in = " in file \"" + path + "\" line ";
  expect_refused(parsing,
                 "ERROR:  65536 is outside the valid range for parameter \"port\" (0 .. "
                 "65535)" +
                     in + "1\n");
  expect_refused(parsing, "ERROR:  unrecognized configuration parameter \"no_such\"" + in + "2\n");
  expect_refused(parsing,
                 "ERROR:  invalid value for parameter \"wal_keep_size\": \"1G\"" + in + "3\n");
  expect_refused(parsing, "HINT:  Valid units for this parameter are");
  expect_refused(parsing,
                 "ERROR:  syntax error in file \"" + path + "\" line 4, near token \"2\"\n");
  expect_refused(parsing, "unrecognized configuration parameter \"config\"" + in + "5\n");
  expect_refused(parsing, "FATAL:  configuration file \"" + path + "\" contains errors\n");
}

TEST(ConfigTest, RefusesWordsThatItDoesNotKnow) {
  const std::string hint = "HINT:  Try \"walcast serve --help\" for more information.\n";
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"--no-such", "1"}, "FATAL:  unrecognized option \"--no-such\"\n"},
      {{"--no-such=1"}, "FATAL:  unrecognized option \"--no-such\"\n"},
      {{"-p", "1"}, "FATAL:  unrecognized option \"-p\"\n"},
      {{"--port"}, "FATAL:  option \"--port\" needs a value\n"},
      {{"stray", "--port=1"}, "FATAL:  too many command-line arguments (first is \"stray\")\n"},
      {{"--create-primary-slot", "off"},
       "FATAL:  too many command-line arguments (first is \"off\")\n"}};
  for (const auto& [words, text] : cases) {
    const Parsing parsing = serve(words);
    expect_refused(parsing, text);
    EXPECT_THAT(parsing.err, HasSubstr(hint)) << text;
  }
  expect_refused(Parsing({"sreve"}), "FATAL:  unrecognized command \"sreve\"\n");
}

TEST(ConfigTest, RefusesAFileThatIsNotThere) {
  expect_refused(serve({"--config", "/nonexistent/walcast.conf"}),
                 "could not open configuration file \"/nonexistent/walcast.conf\": No such file or "
                 "directory\n");
}

TEST(ConfigTest, RefusesAConninfoThatLibpqCannotParse) {
  const auto with = [](const std::string& conninfo) {
    return Parsing({"serve", "--spool-directory=/spool", "--primary-conninfo=" + conninfo});
  };
  for (const auto& [conninfo, detail] :
       {std::pair("host", "missing \"=\" after \"host\" in connection info string"),
        std::pair("hots=h", "invalid connection option \"hots\""),
        std::pair("host=a,b port=1,2,3", "could not match 3 port numbers to 2 hosts"),
        std::pair("host=h connect_timeout=soon", "connect_timeout"),
        std::pair("service=none", "none")}) {
    const Parsing parsing = with(conninfo);
    expect_refused(parsing, "FATAL:  invalid value for parameter \"primary_conninfo\"\n");
    EXPECT_THAT(parsing.err, testing::ContainsRegex("DETAIL:  .*")) << conninfo;
    EXPECT_THAT(parsing.err, HasSubstr(detail));
  }
  EXPECT_EQ(with("host=h password=secret").line.verb, Verb::kServe);
}

TEST(ConfigTest, RefusesToAskForRolesWhereNothingWouldComeOfIt) {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"--auth-user=u"}, "--auth-user needs --hba-file"},
      {{"--auth-conninfo=host=h"}, "--auth-conninfo needs --hba-file"},
      {{"--hba-file=/hba", "--auth-user=u"},
       "--auth-user needs --primary-conninfo or --auth-conninfo"},
      {{"--hba-file=/hba", "--auth-query=SELECT"},
       "--auth-query needs --auth-user or --auth-conninfo"},
      {{"--hba-file=/hba", "--auth-dbname=d"},
       "--auth-dbname needs --auth-user or --auth-conninfo"},
      {{"--hba-file=/hba", "--auth-conninfo=hots=secret"},
       "invalid value for parameter \"auth_conninfo\"\n"}};
  for (const auto& [words, text] : cases) {
    const Parsing parsing = serve(words);
    expect_refused(parsing, text);
    EXPECT_THAT(parsing.err, testing::Not(HasSubstr("secret")));
  }
}

TEST(ConfigTest, RefusesASlotThatCannotBe) {
  const std::vector<std::string> relay{"serve", "--spool-directory=/spool",
                                       "--primary-conninfo=host=h"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), relay.begin(), relay.end());
    return Parsing(more);
  };
  expect_refused(with({"--create-primary-slot"}),
                 "--create-primary-slot needs --primary-slot-name");
  expect_refused(serve({"--primary-slot-name=s"}), "--primary-slot-name needs --primary-conninfo");
  expect_refused(serve({"--upstream-ack=a"}), "--upstream-ack needs --primary-conninfo");
  const Parsing upper = with({"--primary-slot-name=Walcast"});
  expect_refused(upper, "invalid value for parameter \"primary_slot_name\": \"Walcast\"");
  EXPECT_THAT(upper.err, HasSubstr("contains invalid character"));
  EXPECT_THAT(upper.err, HasSubstr("HINT:  Replication slot names may only contain"));
}

TEST(ConfigTest, RefusesStandbyNamesThatPostgresCannotRead) {
  const auto with = [](const std::string& names) {
    return Parsing({"serve", "--spool-directory=/spool", "--primary-conninfo=host=h",
                    "--upstream-ack=" + names});
  };
  EXPECT_EQ(with("FIRST 2 (\"node-1\", b)").shown("upstream_ack"), "first 2 (\"node-1\", b)");
  const Parsing never = with("any 3 (a, b)");
  expect_refused(never, "FATAL:  invalid value for parameter \"upstream_ack\": \"any 3 (a, b)\"\n");
  EXPECT_THAT(never.err,
              HasSubstr("DETAIL:  3 standbys are asked for, but only 2 names are given.\n"));
  EXPECT_THAT(never.err, HasSubstr("HINT:  Valid forms are spool, ANY n (name, ...)"));
  const Parsing wrong = with("any 1 (node-1)");
  expect_refused(wrong, "invalid value");
  EXPECT_THAT(wrong.err, HasSubstr("DETAIL:  syntax error at or near \"-\".\n"));
}

TEST(ConfigTest, NeedsExactlyOneSource) {
  const std::string text = "give one of --primary-conninfo, --wal-directory and --synthetic";
  expect_refused(Parsing({"serve"}), text);
  expect_refused(serve({"--synthetic", "50MB/s", "--spool-directory", "/spool"}), text);
}

TEST(ConfigTest, TheSourceOfThePrimarysOwnWalNeedsASlotAndNoSpool) {
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
  const ServeConfig& relay = parsing.line.serve;
  EXPECT_EQ(relay.primary_conninfo, "host=h password=secret");
  EXPECT_EQ(parsing.shown("primary_conninfo"), "********");
  EXPECT_EQ(relay.wal_receiver_status_interval, std::chrono::seconds(7)) << "counted in seconds";
  EXPECT_EQ(relay.wal_receiver_timeout, std::chrono::milliseconds(7));
  EXPECT_EQ(relay.primary_slot_name, "s");
  EXPECT_TRUE(relay.create_primary_slot);
  EXPECT_FALSE(relay.hot_standby_feedback);
}

TEST(ConfigTest, ASyntheticSourceNeedsASpool) {
  expect_refused(Parsing({"serve", "--synthetic-trace", "t"}),
                 "--synthetic-trace needs --spool-directory");
  expect_refused(Parsing({"serve", "--synthetic", "50MB/s", "--synthetic-trace", "t"}),
                 "give one of --synthetic and --synthetic-trace");
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

}  // namespace
}  // namespace server::config
