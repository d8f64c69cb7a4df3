#include "server/settings/session_settings.h"

#include <gtest/gtest.h>

namespace server::settings {
namespace {

using std::chrono::milliseconds;

struct SessionSettingsTest : testing::Test {
  void set(std::string_view name, std::string_view value) {
    const auto done = own.set(of_server, name, value, notices);
    ASSERT_TRUE(done) << done.error().what;
  }

  Settings of_server;
  SessionSettings own;
  Notices notices;
  const Timeouts timeouts_of_server{.wal_sender = milliseconds(60'000),
                                    .idle_session = milliseconds(7),
                                    .tcp = {.keepalive_idle_s = 1,
                                            .keepalive_interval_s = 2,
                                            .keepalive_count = 3,
                                            .user_timeout_ms = 4}};
};

TEST_F(SessionSettingsTest, TimeoutsAreTheServersIfTheClientSetNone) {
  const Timeouts timeouts = own.timeouts(timeouts_of_server);
  EXPECT_EQ(timeouts.wal_sender, timeouts_of_server.wal_sender);
  EXPECT_EQ(timeouts.idle_session, timeouts_of_server.idle_session);
  EXPECT_EQ(timeouts.tcp, timeouts_of_server.tcp);
}

TEST_F(SessionSettingsTest, AClientsOwnTimeoutsComeBefore) {
  set("WAL_sender_timeout", "1.5s");
  set("idle_session_timeout", "0");
  set("tcp_keepalives_idle", "1min");
  set("tcp_keepalives_interval", "20");
  set("tcp_keepalives_count", "30");
  set("tcp_user_timeout", "2s");
  const Timeouts timeouts = own.timeouts(timeouts_of_server);
  EXPECT_EQ(timeouts.wal_sender, milliseconds(1'500));
  EXPECT_EQ(timeouts.idle_session, milliseconds(0)) << "0 is a value";
  EXPECT_EQ(timeouts.tcp, (runtime::TcpTimeouts{.keepalive_idle_s = 60,
                                                .keepalive_interval_s = 20,
                                                .keepalive_count = 30,
                                                .user_timeout_ms = 2'000}));
  EXPECT_EQ(own.find("wal_sender_timeout"), "1500ms");
}

TEST_F(SessionSettingsTest, TheLastValueOfASettingCounts) {
  set("wal_sender_timeout", "1s");
  set("wal_sender_timeout", "2s");
  EXPECT_EQ(own.timeouts(timeouts_of_server).wal_sender, milliseconds(2'000));
  ASSERT_FALSE(own.set(of_server, "wal_sender_timeout", "3q", notices));
  EXPECT_EQ(own.timeouts(timeouts_of_server).wal_sender, milliseconds(2'000));
}

TEST_F(SessionSettingsTest, AnEncodingIsTheSameByAnyOfItsNames) {
  EXPECT_EQ(own.encoding(), Encoding::kSqlAscii);
  set("client_encoding", "UNICODE");
  EXPECT_EQ(own.encoding(), Encoding::kUtf8);
  EXPECT_EQ(own.find("client_encoding"), "UNICODE") << "but is shown by the one that was given";
  set("client_encoding", "latin-1");
  EXPECT_EQ(own.encoding(), Encoding::kLatin1);
}

TEST_F(SessionSettingsTest, NoticesAreUnwantedAboveTheirLevel) {
  EXPECT_TRUE(own.wants_notices());
  const std::string too_long(100, 'a');
  for (const auto& [level, wanted] : {std::pair("Warning", false), std::pair("error", false),
                                      std::pair("notice", true), std::pair("debug1", true)}) {
    set("client_min_messages", level);
    EXPECT_EQ(own.wants_notices(), wanted) << level;
    notices.clear();
    set("application_name", too_long);
    EXPECT_EQ(notices.size(), wanted ? 1u : 0u) << level;
    EXPECT_EQ(own.application_name().size(), kIdentifierBytesMax);
  }
}

}  // namespace
}  // namespace server::settings
