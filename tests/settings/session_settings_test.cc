#include "server/settings/session_settings.h"

#include <gtest/gtest.h>

#include <ctime>
#include <optional>
#include <string>

namespace server::settings {
namespace {

using std::chrono::milliseconds;

struct SessionSettingsTest : testing::Test {
  void set(std::string_view name, std::string_view value) {
    const auto done = own.set(of_server, name, value, notices);
    ASSERT_TRUE(done) << done.error().what;
  }

  static std::string name_of(int number) { return "n" + std::to_string(number); }

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

TEST_F(SessionSettingsTest, NamesAreComparedWithoutRegardToCase) {
  set("Any.Name", "1");
  set("aNY.nAME", "2");
  set("any.name_", "3");
  EXPECT_EQ(own.find("ANY.NAME"), "2");
  EXPECT_EQ(own.find("any.name_"), "3");
  EXPECT_EQ(own.find("any.nam"), std::nullopt);
}

// Each setting was compared with all before it: this test took minutes, where it takes a part of
// a second, and a start-up packet of two thousand settings held its loop up.
TEST_F(SessionSettingsTest, ManyAreSetInATimeThatGrowsAsTheirNumber) {
  const std::clock_t begin = std::clock();
  for (int i = 0; i < 50'000; ++i) set("extension." + name_of(i), "");
  EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, 10) << "of the processor";
}

TEST_F(SessionSettingsTest, KeepsNoMoreThanItCounts) {
  EXPECT_EQ(own.kept_bytes(), 0u);
  set("application_name", "walreceiver");
  const std::size_t one = own.kept_bytes();
  EXPECT_GE(one, 2 * sizeof(std::string));
  EXPECT_LT(one, 200u);
  set("a.b", std::string(5'000, 'x'));
  EXPECT_GE(own.kept_bytes(), one + 5'000);
  set("a.b", "");
  for (int i = 0; i < 1'000; ++i) set("a." + name_of(i), "");
  EXPECT_GE(own.kept_bytes(), 1'000 * 2 * sizeof(std::string));
}

}  // namespace
}  // namespace server::settings
