#include "server/config/reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  const Parsing fresh =
      serve({"--max-wal-senders=7", "--wal-sender-timeout=5s", "--authentication-timeout=6s",
             "--shutdown-timeout=7s", "--idle-session-timeout=8s", "--tcp-keepalives-idle=9",
             "--tcp-keepalives-interval=10", "--tcp-keepalives-count=11", "--tcp-user-timeout=12",
             "--log-level=warning"});
  ASSERT_EQ(fresh.line.verb, CommandLine::Verb::kServe) << fresh.err;
  ServeConfig running = serve({}).line.serve;
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

}  // namespace
}  // namespace server::config
