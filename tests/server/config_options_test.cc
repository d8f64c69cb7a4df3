#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <syslog.h>

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
const std::vector<std::string> kOfTrace{"--spool-directory=/spool", "--synthetic-trace=/trace"};
const std::vector<std::string> kOfPrimary{"--primary-conninfo=host=h", "--primary-slot-name=s"};

const std::vector<std::string> kOfRelay{"--spool-directory=/spool", "--primary-conninfo=host=h"};
const std::vector<std::string> kOfSlot{"--spool-directory=/spool", "--primary-conninfo=host=h",
                                       "--primary-slot-name=s"};

const std::vector<std::string> kOfHba{"--wal-directory=/wal", "--hba-file=/etc/hba"};

const std::vector<std::string> kOfIdent{"--wal-directory=/wal", "--hba-file=/etc/hba",
                                        "--ident-file=/etc/ident"};

const std::vector<std::string> kOfHttp{"--wal-directory=/wal",
                                       "--http-listen-addresses=127.0.0.1:9187", "--ssl=on"};

const std::vector<std::string> kOfRoles{"--wal-directory=/wal", "--hba-file=/etc/hba",
                                        "--auth-conninfo=host=h"};

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
      {"hba_file", "/etc/hba",
       [](const ServeConfig& c) { return c.access_files.hba == "/etc/hba"; }},
      {"ident_file", "/etc/ident",
       [](const ServeConfig& c) { return c.access_files.ident == "/etc/ident"; }, kOfHba},
      {"auth_file", "/etc/users",
       [](const ServeConfig& c) { return c.access_files.users == "/etc/users"; }, kOfHba},
      {"auth_user", "u", [](const ServeConfig& c) { return c.reloadable.roles.user == "u"; },
       kOfRoles},
      {"auth_query", "SELECT $1",
       [](const ServeConfig& c) { return c.reloadable.roles.query == "SELECT $1"; }, kOfRoles},
      {"auth_dbname", "d", [](const ServeConfig& c) { return c.reloadable.roles.dbname == "d"; },
       kOfRoles},
      {"auth_conninfo", "host=h password=secret",
       [](const ServeConfig& c) { return c.reloadable.roles.conninfo == "host=h password=secret"; },
       kOfHba, "********"},
      {"auth_cache_time", "5s",
       [](const ServeConfig& c) { return c.reloadable.roles.cache_time == milliseconds(5'000); }},
      {"http_listen_addresses", "127.0.0.1:9187,[::1]:9188",
       [](const ServeConfig& c) {
         return c.http.addresses == std::vector<http::Address>{{"127.0.0.1", 9187}, {"::1", 9188}};
       }},
      {"http_ssl", "on", [](const ServeConfig& c) { return c.http.ssl; }, kOfHttp},
      {"http_token_file", "/etc/tokens",
       [](const ServeConfig& c) { return c.http.token_file == "/etc/tokens"; }, kOfHttp},
      {"http_user_file", "/etc/users",
       [](const ServeConfig& c) { return c.http.user_file == "/etc/users"; }, kOfHttp},
      {"http_metrics_standbys", "7",
       [](const ServeConfig& c) { return c.reloadable.http_metrics_standbys == 7; }},
      {"standby_names", "map",
       [](const ServeConfig& c) { return c.access_files.standby_names == "map"; }, kOfIdent},
      {"slot_owner_check", "off",
       [](const ServeConfig& c) { return !c.reloadable.slot_owner_check; }},
      {"ssl", "on", [](const ServeConfig& c) { return c.reloadable.tls.on; }},
      {"ssl_cert_file", "/etc/ssl_cert_file",
       [](const ServeConfig& c) {
         return c.reloadable.tls.files.certificate_file == "/etc/ssl_cert_file";
       }},
      {"ssl_key_file", "/etc/ssl_key_file",
       [](const ServeConfig& c) {
         return c.reloadable.tls.files.private_key_file == "/etc/ssl_key_file";
       }},
      {"ssl_ca_file", "/etc/ssl_ca_file",
       [](const ServeConfig& c) { return c.reloadable.tls.files.ca_file == "/etc/ssl_ca_file"; }},
      {"ssl_crl_file", "/etc/ssl_crl_file",
       [](const ServeConfig& c) { return c.reloadable.tls.files.crl_file == "/etc/ssl_crl_file"; }},
      {"ssl_crl_dir", "/etc/ssl_crl_dir",
       [](const ServeConfig& c) {
         return c.reloadable.tls.files.crl_directory == "/etc/ssl_crl_dir";
       }},
      {"ssl_dh_params_file", "/etc/ssl_dh_params_file",
       [](const ServeConfig& c) {
         return c.reloadable.tls.files.dh_parameters_file == "/etc/ssl_dh_params_file";
       }},
      {"ssl_min_protocol_version", "TLSv1.3",
       [](const ServeConfig& c) {
         return c.reloadable.tls.files.version_min == runtime::TlsVersion::kTls13;
       }},
      {"ssl_max_protocol_version", "TLSv1.2",
       [](const ServeConfig& c) {
         return c.reloadable.tls.files.version_max == runtime::TlsVersion::kTls12;
       }},
      {"ssl_ciphers", "HIGH",
       [](const ServeConfig& c) { return c.reloadable.tls.files.ciphers == "HIGH"; }},
      {"ssl_prefer_server_ciphers", "off",
       [](const ServeConfig& c) { return !c.reloadable.tls.files.prefers_own_ciphers; }},
      {"ssl_groups", "X25519",
       [](const ServeConfig& c) { return c.reloadable.tls.groups == "X25519"; }},
      {"ssl_ecdh_curve", "secp384r1",
       [](const ServeConfig& c) { return c.reloadable.tls.ecdh_curve == "secp384r1"; }},
      {"ssl_passphrase_command", "cat /etc/secret",
       [](const ServeConfig& c) {
         return c.reloadable.tls.files.passphrase.command == "cat /etc/secret";
       },
       kOfDirectory, "********"},
      {"ssl_passphrase_command_supports_reload", "on",
       [](const ServeConfig& c) { return c.reloadable.tls.passphrase_command_supports_reload; }},
      {"unix_socket_directories", "/run/a,@b",
       [](const ServeConfig& c) {
         return c.unix_socket_directories == std::vector<std::string>{"/run/a", "@b"};
       }},
      {"unix_socket_permissions", "0770",
       [](const ServeConfig& c) { return c.unix_socket_permissions == 0770; }},
      {"unix_socket_group", "wal",
       [](const ServeConfig& c) { return c.unix_socket_group == "wal"; }},
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
      {"log_destination", "jsonlog,syslog",
       [](const auto& c) {
         using Form = runtime::log::Destinations::Form;
         const auto& to = c.reloadable.log.output.destinations;
         return to.on_stderr == Form::kJson && to.to_syslog;
       }},
      {"log_line_prefix", "%t ",
       [](const auto& c) { return c.reloadable.log.output.prefix == "%t "; }},
      {"syslog_facility", "local3",
       [](const auto& c) { return c.reloadable.log.output.syslog_facility == LOG_LOCAL3; }},
      {"syslog_ident", "relay",
       [](const auto& c) { return c.reloadable.log.output.syslog_ident == "relay"; }},
      {"log_connections", "on", [](const auto& c) { return c.reloadable.log.connections; }},
      {"log_disconnections", "on", [](const auto& c) { return c.reloadable.log.disconnections; }},
      {"log_replication_commands", "on",
       [](const auto& c) { return c.reloadable.log.replication_commands; }},
      {"standby_table", "2s", [](const auto& c) { return c.standby_table == milliseconds(2'000); }},
      {"latency_report", "on", [](const auto& c) { return c.latency_report; }},
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
      {"synthetic_trace", "/trace",
       [](const auto& c) { return c.synthetic_trace.file == "/trace"; }, kOfSpool},
      {"synthetic_trace_speed", "2.5", [](const auto& c) { return c.synthetic_trace.speed == 2.5; },
       kOfTrace},
      {"synthetic_trace_loop", "off", [](const auto& c) { return !c.synthetic_trace.loops; },
       kOfTrace},
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
      {"max_client_connections", "7",
       [](const auto& c) { return c.reloadable.limits.connections_max == 7; }},
      {"max_console_connections", "7",
       [](const auto& c) { return c.reloadable.limits.console_max == 7; }},
      {"max_connections_per_address", "7",
       [](const auto& c) { return c.reloadable.limits.per_address_max == 7; }},
      {"max_connections_per_role", "7",
       [](const auto& c) { return c.reloadable.limits.per_role_max == 7; }},
      {"max_startups", "7", [](const auto& c) { return c.reloadable.limits.startups_max == 7; }},
      {"max_startups_per_address", "7",
       [](const auto& c) { return c.reloadable.limits.startups_per_address_max == 7; }},
      {"max_cancels_per_address", "7",
       [](const auto& c) { return c.reloadable.limits.cancels_per_second == 7; }},
      {"authentication_failure_delay", "2s",
       [](const auto& c) { return c.reloadable.limits.failure_delay == milliseconds(2'000); }},
      {"client_read_timeout", "2s",
       [](const auto& c) { return c.reloadable.limits.read_timeout == milliseconds(2'000); }},
      {"client_write_timeout", "2s",
       [](const auto& c) { return c.reloadable.limits.write_timeout == milliseconds(2'000); }},
      {"send_delay", "2ms",
       [](const auto& c) { return c.reloadable.send_delay.time == milliseconds(2); }},
      {"send_delay_exempt_names", "a,b",
       [](const auto& c) {
         return c.reloadable.send_delay.exempt_names == std::vector<std::string>{"a", "b"};
       }},
      {"client_memory", "1MB", [](const auto& c) { return c.client_memory == 1u << 20; }},
      {"user", "nobody", [](const auto& c) { return c.process.user == "nobody"; }},
      {"allow_root", "on", [](const auto& c) { return c.process.allow_root; }},
      {"allow_core_dumps", "on", [](const auto& c) { return c.process.allow_core_dumps; }},
      {"seccomp", "on", [](const auto& c) { return c.process.seccomp; }},
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
