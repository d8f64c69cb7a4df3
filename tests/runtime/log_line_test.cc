#include "runtime/log_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <syslog.h>

#include <nlohmann/json.hpp>
#include <string>

namespace runtime::log {
namespace {

// 2026-01-31 12:00:00.123 UTC
constexpr WallMicros kTime = 1'769'860'800'123'456;
constexpr WallMicros kStart = kTime - 60'000'000;

Client client() {
  return {.address = "[2001:db8::1]:4711",
          .user = "replicator",
          .database = "replication",
          .application_name = "node1",
          .process_id = 77,
          .session_start = kStart,
          .ps = "streaming"};
}

Event event(std::string_view message = "a message") {
  return {.time = kTime,
          .message = message,
          .thread = "loop-3",
          .number = 9,
          .process = {.process_id = 16, .start = kStart - 1'000'000}};
}

Event event_of(const Client& client) {
  Event made = event();
  made.client = &client;
  return made;
}

TEST(LogLineTest, EveryEscapeIsWhatPostgresPutsThere) {
  const Client who = client();
  const Event line = event_of(who);
  EXPECT_EQ(prefix_text("%a|%u|%d|%r|%h|%b|%i", line),
            "node1|replicator|replication|2001:db8::1(4711)|2001:db8::1|walsender|streaming");
  EXPECT_EQ(prefix_text("%p %l %e", line), "77 9 00000");
  EXPECT_EQ(prefix_text("%m|%t|%n|%s", line),
            "2026-01-31 12:00:00.123 UTC|2026-01-31 12:00:00 UTC|1769860800.123|"
            "2026-01-31 11:59:00 UTC");
  EXPECT_EQ(prefix_text("%c", line), "697dee84.4d");
  EXPECT_EQ(prefix_text("%%|%v|%x|%Q|%P|%Z|", line), "%||0|0|||");
}

TEST(LogLineTest, ALineOfNoSessionEndsItsPrefixAtQ) {
  EXPECT_EQ(prefix_text("%m [%p] %b %q%u %a ", event()),
            "2026-01-31 12:00:00.123 UTC [16] loop-3 ");
  EXPECT_EQ(prefix_text("[%u%d%a%h%r] ", event()), "[] ");
}

TEST(LogLineTest, WhatAClientHasNotSaidIsUnknown) {
  const Client stranger{.address = "192.0.2.1:77"};
  EXPECT_EQ(prefix_text("%p %u %d %a %r", event_of(stranger)),
            "16 [unknown] [unknown] [unknown] 192.0.2.1(77)");
  const Client local{.address = "[local]"};
  EXPECT_EQ(prefix_text("%r|%h", event_of(local)), "[local]|[local]");
}

TEST(LogLineTest, AWidthPads) {
  const Client who = client();
  EXPECT_EQ(prefix_text("[%5p][%-5p][%1p]", event_of(who)), "[   77][77   ][77]");
}

TEST(LogLineTest, APrefixThatEndsInThePercentSignOrAWidthIsCutThere) {
  EXPECT_EQ(prefix_text("a%", event()), "a");
  EXPECT_EQ(prefix_text("a%-12", event()), "a");
  EXPECT_EQ(prefix_text("%99999999999999p", event()).size(), 256u);
}

TEST(LogLineTest, NoTextLooksLikeAnotherLine) {
  Client who = client();
  who.application_name = "a\nb\x7f";
  Event line = event_of(who);
  line.message = "one\ntwo";
  line.detail = "three";
  line.hint = "four\nfive";
  EXPECT_EQ(text_lines("%a ", line),
            "a?b? LOG:  one\n\ttwo\na?b? DETAIL:  three\na?b? HINT:  four\n\tfive\n");
}

TEST(LogLineTest, TheAddressStandsBehindAMessageThatIsToNameIt) {
  const Client who = client();
  Event line = event_of(who);
  line.names_address = true;
  EXPECT_EQ(text_lines("", line), "LOG:  a message (client [2001:db8::1]:4711)\n");
}

TEST(LogLineTest, AJsonLineHasThePostgresKeysInTheirOrder) {
  const Client who = client();
  Event line = event_of(who);
  line.level = Level::kError;
  line.state_code = "58P01";
  line.message = "\"quoted\"\n";
  line.detail = "d";
  line.hint = "h";
  EXPECT_EQ(json_line(line),
            "{\"timestamp\":\"2026-01-31 12:00:00.123 UTC\",\"user\":\"replicator\","
            "\"dbname\":\"replication\",\"pid\":77,\"remote_host\":\"2001:db8::1\","
            "\"remote_port\":4711,\"session_id\":\"697dee84.4d\",\"line_num\":9,"
            "\"ps\":\"streaming\",\"session_start\":\"2026-01-31 11:59:00 UTC\",\"txid\":0,"
            "\"error_severity\":\"ERROR\",\"state_code\":\"58P01\","
            "\"message\":\"\\\"quoted\\\"\\n\",\"detail\":\"d\",\"hint\":\"h\","
            "\"application_name\":\"node1\",\"backend_type\":\"walsender\",\"query_id\":0}\n");
}

TEST(LogLineTest, AJsonLineIsValidWhateverAClientHasNamed) {
  Client who = client();
  who.user = "\xff\"\\\n";
  who.address = "[local]";
  const auto object = nlohmann::json::parse(json_line(event_of(who)));
  EXPECT_EQ(object["remote_host"], "[local]");
  EXPECT_FALSE(object.contains("remote_port"));
  EXPECT_EQ(object["user"], "\xEF\xBF\xBD\"\\\n");
}

TEST(LogLineTest, AJsonLineOfNoSessionHasNoClient) {
  const auto object = nlohmann::json::parse(json_line(event()));
  EXPECT_EQ(object["backend_type"], "loop-3");
  EXPECT_EQ(object["pid"], 16);
  for (const char* key : {"user", "dbname", "remote_host", "remote_port", "application_name", "ps",
                          "detail", "hint", "state_code"}) {
    EXPECT_FALSE(object.contains(key)) << key;
  }
}

TEST(LogLineTest, EachLineHasThePriorityOfItsLevelAsSyslogHasIt) {
  EXPECT_EQ(with_priority(Level::kFatal, "one\ntwo\n"), "<3>one\n<3>two\n");
  EXPECT_EQ(with_priority(Level::kError, "x"), "<4>x");
  EXPECT_EQ(with_priority(Level::kWarning, "x"), "<5>x");
  EXPECT_EQ(with_priority(Level::kLog, "x"), "<6>x");
  EXPECT_EQ(with_priority(Level::kInfo, "x"), "<6>x");
  EXPECT_EQ(with_priority(Level::kDebug, "x"), "<7>x");
  EXPECT_EQ(with_priority(Level::kLog, ""), "");
}

TEST(LogLineTest, APriorityIsTakenOffALineThatHasOne) {
  std::string_view line = "<3>text";
  EXPECT_EQ(take_priority(line), LOG_ERR);
  EXPECT_EQ(line, "text");
  for (const std::string_view none : {"text", "<9>text", "<3", "<33>text", ""}) {
    line = none;
    EXPECT_EQ(take_priority(line), LOG_INFO) << none;
    EXPECT_EQ(line, none);
  }
}

}  // namespace
}  // namespace runtime::log
