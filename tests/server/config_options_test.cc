#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/server/config_parsing.h"

// What is so of every option of walcast serve.

namespace server::config {
namespace {

using std::chrono::milliseconds;
using Verb = CommandLine::Verb;

const std::vector<std::string> kOfDirectory{"--wal-directory=/wal"};
const std::vector<std::string> kOfSpool{"--spool-directory=/spool"};
const std::vector<std::string> kOfPrimary{"--primary-conninfo=host=h", "--primary-slot-name=s"};

const std::vector<std::string> kOfRelay{"--spool-directory=/spool", "--primary-conninfo=host=h"};
const std::vector<std::string> kOfSlot{"--spool-directory=/spool", "--primary-conninfo=host=h",
                                       "--primary-slot-name=s"};

// One option: its name in a file, a value that is not the default, how to see it, what else must be
// said, and what is shown of it.
struct OptionCase {
  const char* name;
  const char* value;
  std::function<bool(const ServeConfig&)> taken;
  const std::vector<std::string>& others = kOfDirectory;
  const char* shown = value;
};

const std::vector<OptionCase>& option_cases() {
  static const std::vector<OptionCase> cases{
      {"listen_addresses", "127.0.0.1,::1",
       [](const auto& c) {
         return c.listen_addresses == std::vector<std::string>{"127.0.0.1", "::1"};
       }},
      {"port", "6000", [](const auto& c) { return c.port == 6000; }},
      {"workers", "3", [](const auto& c) { return c.workers == 3; }},
      {"acceptors", "2", [](const auto& c) { return c.acceptors == 2; }},
      {"io_threads", "5", [](const auto& c) { return c.io_threads == 5; }},
      {"max_wal_senders", "7", [](const auto& c) { return c.reloadable.max_wal_senders == 7; }},
      {"wal_sender_timeout", "5s",
       [](const auto& c) { return c.reloadable.wal_sender_timeout == milliseconds(5'000); }},
      {"authentication_timeout", "10min",
       [](const auto& c) { return c.reloadable.authentication_timeout == milliseconds(600'000); }},
      {"shutdown_timeout", "1min",
       [](const auto& c) { return c.reloadable.shutdown_timeout == milliseconds(60'000); }},
      {"copy_threshold", "64kB", [](const auto& c) { return c.copy_threshold == 64u << 10; }},
      {"wal_keep_size", "64MB", [](const auto& c) { return c.wal_keep_size == 64u << 20; }},
      {"max_slot_wal_keep_size", "64MB",
       [](const auto& c) { return c.max_slot_wal_keep_size == 64u << 20; }},
      {"min_free_space", "0", [](const auto& c) { return c.min_free_space == 0; }},
      {"wal_segment_size", "1MB",
       [](const auto& c) { return c.wal_segment_size.bytes() == 1 << 20; }},
      {"record_size", "100..200",
       [](const auto& c) {
         return c.records.record_bytes_min == 100 && c.records.record_bytes_max == 200;
       }},
      {"log_level", "debug",
       [](const auto& c) { return c.reloadable.log_level == runtime::log::Level::kDebug; }},
      {"standby_table", "2s", [](const auto& c) { return c.standby_table == milliseconds(2'000); }},
      {"run_for", "20s", [](const auto& c) { return c.run_for == milliseconds(20'000); }},
      {"spool_directory", "/spool", [](const auto& c) { return c.spool_directory == "/spool"; }},
      {"state_directory", "/state", [](const auto& c) { return c.state_directory == "/state"; }},
      {"wal_directory", "/other", [](const auto& c) { return c.wal_directory == "/other"; },
       kOfPrimary},
      {"recovery_target_timeline", "3",
       [](const auto& c) {
         return c.recovery_target_timeline.kind == wal::TimelineTarget::Kind::kNumber;
       }},
      {"archive_is_immutable", "on", [](const auto& c) { return c.archive_is_immutable; }},
      {"adopt_spool", "on", [](const auto& c) { return c.adopt_spool; }, kOfRelay},
      {"synthetic", "50MB/s", [](const auto& c) { return c.synthetic_rate == 50u << 20; },
       kOfSpool},
      {"primary_conninfo", "host=h password=secret",
       [](const auto& c) { return c.primary_conninfo == "host=h password=secret"; }, kOfSpool,
       "********"},
      {"primary_slot_name", "s", [](const auto& c) { return c.primary_slot_name == "s"; },
       kOfRelay},
      {"create_primary_slot", "on", [](const auto& c) { return c.create_primary_slot; }, kOfSlot},
      {"upstream_ack", "any 1 (*)",
       [](const auto& c) { return c.upstream_ack.kind != source::AckPolicy::Kind::kSpool; },
       kOfRelay},
      {"hot_standby_feedback", "off", [](const auto& c) { return !c.hot_standby_feedback; }},
      {"max_feedback_age", "2s",
       [](const auto& c) { return c.max_feedback_age == milliseconds(2'000); }},
      {"wal_receiver_timeout", "2s",
       [](const auto& c) { return c.wal_receiver_timeout == milliseconds(2'000); }},
      {"wal_receiver_status_interval", "2s",
       [](const auto& c) { return c.wal_receiver_status_interval == milliseconds(2'000); }},
      {"wal_retrieve_retry_interval", "2s",
       [](const auto& c) { return c.wal_retrieve_retry_interval == milliseconds(2'000); }},
      {"idle_session_timeout", "2s",
       [](const auto& c) { return c.reloadable.idle_session_timeout == milliseconds(2'000); }},
      {"tcp_keepalives_idle", "7",
       [](const auto& c) { return c.reloadable.tcp.keepalive_idle_s == 7; }},
      {"tcp_keepalives_interval", "7",
       [](const auto& c) { return c.reloadable.tcp.keepalive_interval_s == 7; }},
      {"tcp_keepalives_count", "7",
       [](const auto& c) { return c.reloadable.tcp.keepalive_count == 7; }},
      {"tcp_user_timeout", "7",
       [](const auto& c) { return c.reloadable.tcp.user_timeout_ms == 7; }},
      {"max_replication_slots", "7", [](const auto& c) { return c.max_replication_slots == 7; }},
  };
  return cases;
}

std::string flag_of(std::string name) {
  for (char& c : name) c = c == '_' ? '-' : c;
  return "--" + name;
}

Parsing with_others(const OptionCase& option, std::vector<std::string> words) {
  words.insert(words.begin(), option.others.begin(), option.others.end());
  words.insert(words.begin(), "serve");
  return Parsing(words);
}

// What follows is of these, so that there must not be another.
TEST(ConfigTest, EveryOptionOfTheParserIsACase) {
  std::vector<std::string> cases;
  for (const OptionCase& option : option_cases()) cases.emplace_back(option.name);
  std::vector<std::string> known;
  const Parsing parsing = serve({});
  for (const auto& setting : parsing.line.serve.settings.all()) known.push_back(setting.name);
  EXPECT_THAT(cases, testing::UnorderedElementsAreArray(known));
}

TEST(ConfigTest, EveryOptionIsAFlag) {
  for (const OptionCase& option : option_cases()) {
    for (const std::string& flag : {flag_of(option.name), "--" + std::string(option.name)}) {
      const Parsing parsing = with_others(option, {flag + "=" + option.value});
      ASSERT_EQ(parsing.line.verb, Verb::kServe) << flag << ": " << parsing.err;
      EXPECT_TRUE(option.taken(parsing.line.serve)) << flag;
      EXPECT_EQ(parsing.shown(option.name), option.shown);
    }
  }
}

TEST(ConfigTest, EveryOptionIsALineOfTheFile) {
  const tests::TempDir dir;
  for (const OptionCase& option : option_cases()) {
    std::ofstream(dir.file("walcast.conf")) << option.name << " = '" << option.value << "'\n";
    const Parsing parsing = with_others(option, {"--config", dir.file("walcast.conf")});
    ASSERT_EQ(parsing.line.verb, Verb::kServe) << option.name << ": " << parsing.err;
    EXPECT_TRUE(option.taken(parsing.line.serve)) << option.name;
    EXPECT_EQ(parsing.shown(option.name), option.shown);
  }
}

TEST(ConfigTest, EveryOptionIsShownWithItsDefault) {
  const Parsing parsing = serve({});
  for (const OptionCase& option : option_cases()) {
    EXPECT_NE(parsing.shown(option.name), "(missing)") << option.name;
    EXPECT_NE(parsing.shown(option.name), option.shown) << option.name;
  }
  EXPECT_EQ(parsing.shown("wal_directory"), "/wal");
  EXPECT_EQ(parsing.shown("wal_sender_timeout"), "1min");
  EXPECT_EQ(parsing.shown("hot_standby_feedback"), "on");
  EXPECT_EQ(parsing.shown("create_primary_slot"), "off");
  EXPECT_EQ(parsing.shown("help"), "(missing)");
}

}  // namespace
}  // namespace server::config
