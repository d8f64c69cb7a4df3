#include "server/config/reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <syslog.h>

#include <string>
#include <vector>

#include "tests/server/config_parsing.h"

namespace server::config {
namespace {

using std::chrono::milliseconds;

std::vector<std::string> names_of(const std::vector<ConfigChange>& changes, bool need_restart) {
  std::vector<std::string> names;
  for (const ConfigChange& change : changes) {
    if (change.needs_restart() == need_restart) names.push_back(change.setting.name);
  }
  return names;
}

TEST(ReloadTest, FindsNothingWhereNothingChanged) {
  EXPECT_THAT(find_changes(serve({}).line.serve, serve({}).line.serve), testing::IsEmpty());
  EXPECT_THAT(find_changes(serve({"--wal-sender-timeout=60s"}).line.serve,
                           serve({"--wal-sender-timeout=1min"}).line.serve),
              testing::IsEmpty());
}

// An option that could be changed by a reload, but is not copied, would be shown and not used.
TEST(ReloadTest, TakesOverAllThatNeedsNoRestart) {
  const Parsing fresh = serve({"--max-wal-senders=7",
                               "--wal-sender-timeout=5s",
                               "--authentication-timeout=6s",
                               "--shutdown-timeout=7s",
                               "--idle-session-timeout=8s",
                               "--tcp-keepalives-idle=9",
                               "--tcp-keepalives-interval=10",
                               "--tcp-keepalives-count=11",
                               "--tcp-user-timeout=12",
                               "--log-level=warning",
                               "--log-destination=jsonlog",
                               "--log-line-prefix=p",
                               "--syslog-facility=local7",
                               "--syslog-ident=i",
                               "--log-connections=on",
                               "--log-disconnections=on",
                               "--log-replication-commands=on",
                               "--max-client-connections=13",
                               "--max-console-connections=12",
                               "--max-connections-per-address=14",
                               "--max-connections-per-role=15",
                               "--max-startups=16",
                               "--max-startups-per-address=17",
                               "--max-cancels-per-address=18",
                               "--authentication-failure-delay=19s",
                               "--client-read-timeout=20s",
                               "--client-write-timeout=21s",
                               "--http-metrics-standbys=22",
                               "--hba-file=/hba",
                               "--auth-user=u",
                               "--auth-query=SELECT",
                               "--auth-dbname=d",
                               "--auth-conninfo=host=h",
                               "--auth-cache-time=13s",
                               "--slot-owner-check=off",
                               "--send-delay=5ms",
                               "--send-delay-exempt-names=near",
                               "--ssl=on",
                               "--ssl-cert-file=c",
                               "--ssl-key-file=k",
                               "--ssl-ca-file=a",
                               "--ssl-crl-file=r",
                               "--ssl-crl-dir=d",
                               "--ssl-dh-params-file=p",
                               "--ssl-min-protocol-version=TLSv1.3",
                               "--ssl-max-protocol-version=TLSv1.3",
                               "--ssl-ciphers=HIGH",
                               "--ssl-prefer-server-ciphers=off",
                               "--ssl-groups=X25519",
                               "--ssl-ecdh-curve=secp384r1",
                               "--ssl-passphrase-command=x",
                               "--ssl-passphrase-command-supports-reload=on"});
  ASSERT_EQ(fresh.line.verb, CommandLine::Verb::kServe) << fresh.err;
  ServeConfig running = serve({"--hba-file=/hba"}).line.serve;
  std::vector<std::string> reloadable;
  for (const settings::Setting& setting : running.settings.all()) {
    if (setting.context == settings::SettingContext::kSighup) reloadable.push_back(setting.name);
  }
  const auto changes = find_changes(running, fresh.line.serve);
  EXPECT_THAT(names_of(changes, false), testing::UnorderedElementsAreArray(reloadable));
  EXPECT_THAT(names_of(changes, true), testing::IsEmpty());

  settings::Settings shown = running.settings;
  testing::internal::CaptureStderr();
  apply_changes(changes, fresh.line.serve, running, shown);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::HasSubstr("parameter \"wal_sender_timeout\" changed to \"5s\""));
  const ReloadableConfig& taken = running.reloadable;
  EXPECT_EQ(taken.max_wal_senders, 7);
  EXPECT_EQ(taken.wal_sender_timeout, milliseconds(5'000));
  EXPECT_EQ(taken.authentication_timeout, milliseconds(6'000));
  EXPECT_EQ(taken.shutdown_timeout, milliseconds(7'000));
  EXPECT_EQ(taken.idle_session_timeout, milliseconds(8'000));
  EXPECT_EQ(taken.tcp, (runtime::TcpTimeouts{9, 10, 11, 12}));
  EXPECT_EQ(taken.log_level, runtime::log::Level::kWarning);
  const LogConfig& log = taken.log;
  EXPECT_EQ(log.output.destinations.on_stderr, runtime::log::Destinations::Form::kJson);
  EXPECT_EQ(log.output.prefix + log.output.syslog_ident, "pi");
  EXPECT_EQ(log.output.syslog_facility, LOG_LOCAL7);
  EXPECT_TRUE(log.connections && log.disconnections && log.replication_commands);
  EXPECT_EQ(taken.roles.user + taken.roles.query + taken.roles.dbname + taken.roles.conninfo,
            "uSELECTdhost=h");
  EXPECT_EQ(taken.roles.cache_time, milliseconds(13'000));
  EXPECT_EQ(taken.limits.connections_max, 13);
  EXPECT_EQ(taken.limits.console_max, 12);
  EXPECT_EQ(taken.limits.per_address_max, 14);
  EXPECT_EQ(taken.limits.per_role_max, 15);
  EXPECT_EQ(taken.limits.startups_max, 16);
  EXPECT_EQ(taken.limits.startups_per_address_max, 17);
  EXPECT_EQ(taken.limits.cancels_per_second, 18);
  EXPECT_EQ(taken.limits.failure_delay, milliseconds(19'000));
  EXPECT_EQ(taken.limits.read_timeout, milliseconds(20'000));
  EXPECT_EQ(taken.limits.write_timeout, milliseconds(21'000));
  EXPECT_EQ(taken.http_metrics_standbys, 22);
  EXPECT_FALSE(taken.slot_owner_check);
  EXPECT_EQ(taken.send_delay.time, milliseconds(5));
  EXPECT_THAT(taken.send_delay.exempt_names, testing::ElementsAre("near"));
  EXPECT_TRUE(taken.tls.on && taken.tls.passphrase_command_supports_reload);
  const runtime::TlsOptions& tls = taken.tls.files;
  EXPECT_EQ(tls.certificate_file + tls.private_key_file + tls.ca_file + tls.crl_file +
                tls.crl_directory + tls.dh_parameters_file + tls.passphrase.command,
            "ckardpx");
  EXPECT_EQ(tls.version_min, runtime::TlsVersion::kTls13);
  EXPECT_EQ(tls.version_max, runtime::TlsVersion::kTls13);
  EXPECT_EQ(tls.ciphers + taken.tls.groups + taken.tls.ecdh_curve, "HIGHX25519secp384r1");
  EXPECT_FALSE(tls.prefers_own_ciphers);
  EXPECT_EQ(shown.find("wal_sender_timeout")->value, "5s");
  EXPECT_THAT(find_changes(running, fresh.line.serve), testing::IsEmpty());
}

TEST(ReloadTest, NamesWhatNeedsARestartAndLeavesItAsItIs) {
  ServeConfig running = serve({}).line.serve;
  const ServeConfig fresh = serve({"--port=6000"}).line.serve;
  const auto changes = find_changes(running, fresh);
  EXPECT_THAT(names_of(changes, true), testing::ElementsAre("port"));
  settings::Settings shown = running.settings;
  testing::internal::CaptureStderr();
  apply_changes(changes, fresh, running, shown);
  EXPECT_THAT(
      testing::internal::GetCapturedStderr(),
      testing::HasSubstr("parameter \"port\" cannot be changed without restarting the server"));
  EXPECT_EQ(running.port, 5433);
  EXPECT_EQ(shown.find("port")->value, "5433");
}

TEST(ReloadTest, AnotherConninfoIsAChangeThoughSHOWDoesNotTellIt) {
  const auto with = [](const std::string& conninfo) {
    return Parsing({"serve", "--spool-directory=/spool", "--primary-conninfo=" + conninfo})
        .line.serve;
  };
  EXPECT_THAT(names_of(find_changes(with("host=a"), with("host=b")), true),
              testing::ElementsAre("primary_conninfo"));
  EXPECT_THAT(find_changes(with("host=a"), with("host=a")), testing::IsEmpty());
}

TEST(ReloadTest, AnotherPassphraseCommandIsAChangeThoughSHOWDoesNotTellIt) {
  const auto with = [](const std::string& command) {
    return serve({"--ssl-passphrase-command=" + command}).line.serve;
  };
  ServeConfig running = with("echo one");
  const ServeConfig fresh = with("echo two");
  const auto changes = find_changes(running, fresh);
  EXPECT_THAT(names_of(changes, false), testing::ElementsAre("ssl_passphrase_command"));
  EXPECT_THAT(find_changes(running, with("echo one")), testing::IsEmpty());
  settings::Settings shown = running.settings;
  testing::internal::CaptureStderr();
  apply_changes(changes, fresh, running, shown);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::HasSubstr("parameter \"ssl_passphrase_command\" changed"));
  EXPECT_THAT(log, testing::Not(testing::HasSubstr("echo two")));
}

TEST(ReloadTest, HowRolesAreAskedForChangesWhileTheServerRuns) {
  const auto with = [](const std::string& conninfo) {
    return Parsing(
               {"serve", "--wal-directory=/wal", "--hba-file=/hba", "--auth-conninfo=" + conninfo})
        .line.serve;
  };
  ServeConfig running = with("host=a");
  const ServeConfig fresh = with("host=b password=secret");
  const auto changes = find_changes(running, fresh);
  EXPECT_THAT(names_of(changes, false), testing::ElementsAre("auth_conninfo"));
  settings::Settings shown = running.settings;
  testing::internal::CaptureStderr();
  apply_changes(changes, fresh, running, shown);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::Not(testing::HasSubstr("secret")));
  EXPECT_EQ(running.reloadable.roles.conninfo, "host=b password=secret");
}

}  // namespace
}  // namespace server::config
