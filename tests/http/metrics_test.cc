#include "server/http/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "tests/http/planted_snapshot.h"

namespace server::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using tests::planted_snapshot;
using tests::planted_standby;

constexpr std::size_t kAll = 1000;

TEST(MetricsTest, AStandbyHasPostgresExportersNamesAndLabels) {
  auto snapshot = planted_snapshot();
  snapshot.sessions = {planted_standby("a", 300)};
  snapshot.sessions[0].slot_name = "slot";
  const std::string text = metrics_text(snapshot, kAll);
  const std::string labels =
      R"({application_name="a",client_addr="10.0.0.1",slot_name="slot",state="streaming"} )";
  EXPECT_THAT(text, HasSubstr("\npg_stat_replication_pg_wal_lsn_diff" + labels + "300\n"));
  EXPECT_THAT(text,
              HasSubstr("\npg_stat_replication_pg_current_wal_lsn_bytes" + labels + "10000\n"));
  EXPECT_THAT(text, HasSubstr("\nwalcast_standby_lag_bytes" + labels + "300\n"));
  EXPECT_THAT(text, HasSubstr("\nwalcast_standby_sent_bytes_total" + labels + "500\n"));
  EXPECT_THAT(text, Not(HasSubstr("walcast_standby_write_lag_seconds{"))) << "it is NULL";
  EXPECT_THAT(text, HasSubstr("\nwalcast_standbys{state=\"streaming\"} 1\n"));
}

TEST(MetricsTest, NoSeriesComesTwice) {
  auto snapshot = planted_snapshot();
  snapshot.sessions = {planted_standby("a", 5), planted_standby("a", 700), planted_standby("a", 6)};
  const std::string text = metrics_text(snapshot, kAll);
  std::set<std::string> series;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
  }
  EXPECT_THAT(text, testing::ContainsRegex("walcast_standby_lag_bytes[^\n]* 700\n"));
}

TEST(MetricsTest, StandbysBeyondTheBoundAreCounted) {
  auto snapshot = planted_snapshot();
  for (int i = 0; i < 5; ++i) snapshot.sessions.push_back(planted_standby(std::to_string(i)));
  const std::string text = metrics_text(snapshot, 2);
  EXPECT_THAT(text, HasSubstr("\nwalcast_standbys_left_out 3\n"));
  EXPECT_THAT(text, HasSubstr("application_name=\"1\""));
  EXPECT_THAT(text, Not(HasSubstr("application_name=\"2\"")));
  EXPECT_THAT(text, HasSubstr("\nwalcast_standbys{state=\"streaming\"} 5\n"));
}

TEST(MetricsTest, SessionsForSqlAreNoStandbys) {
  auto snapshot = planted_snapshot();
  snapshot.sessions = {planted_standby("psql")};
  snapshot.sessions[0].kind = stats::SessionKind::kConsole;
  EXPECT_THAT(metrics_text(snapshot, kAll), Not(HasSubstr("psql")));
}

TEST(MetricsTest, WhatAClientHasChosenIsEscaped) {
  auto snapshot = planted_snapshot();
  snapshot.sessions = {planted_standby("a\"b\\c\nd")};
  EXPECT_THAT(metrics_text(snapshot, kAll), HasSubstr(R"(application_name="a\"b\\c\nd")"));
}

TEST(MetricsTest, WithoutAPrimaryThereIsNoneOfIt) {
  auto snapshot = planted_snapshot();
  EXPECT_THAT(metrics_text(snapshot, kAll), HasSubstr("\nwalcast_upstream_up 1\n"));
  snapshot.upstream = {};
  EXPECT_THAT(metrics_text(snapshot, kAll), Not(HasSubstr("walcast_upstream")));
}

TEST(MetricsTest, DeliveriesAreAHistogram) {
  auto snapshot = planted_snapshot();
  auto stages = std::make_shared<stream::StageSnapshot>();
  stages->all.server.add(10'000);      // 10 us
  stages->all.server.add(20'000'000);  // 20 ms
  snapshot.stages = stages;
  const std::string text = metrics_text(snapshot, kAll);
  EXPECT_THAT(text, HasSubstr("# TYPE walcast_delivery_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("walcast_delivery_seconds_count 2\n"));
  EXPECT_THAT(text, testing::ContainsRegex("_bucket.le=\"8.19[^\"]*e-06\". 0\n"));
  EXPECT_THAT(text, testing::ContainsRegex("_bucket.le=\"1.63[^\"]*e-05\". 1\n"));
  EXPECT_THAT(text, HasSubstr("walcast_delivery_seconds_bucket{le=\"+Inf\"} 2\n"));
}

TEST(MetricsTest, SlotsHoldsAndLimitsAreThere) {
  auto snapshot = planted_snapshot();
  stats::SlotStatus slot;
  slot.name = "s";
  slot.active_pid = 3;
  slot.restart_lsn = wal::Lsn(9000);
  slot.retained_bytes = 1000;
  slot.wal_status = stats::WalStatus::kReserved;
  snapshot.slots = {slot};
  stats::HoldStatus hold;
  hold.who = "spool";
  hold.why = "not durable";
  hold.bytes = 77;
  snapshot.holds = {hold};
  snapshot.limits = {{.name = "max_wal_senders", .used = 3, .max = 10}};
  const std::string text = metrics_text(snapshot, kAll);
  EXPECT_THAT(text, HasSubstr("pg_replication_slots_active{database=\"\",slot_name=\"s\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("walcast_slot_wal_status{slot_name=\"s\",status=\"reserved\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("walcast_hold_bytes{holder=\"spool\",reason=\"not durable\"} 77\n"));
  EXPECT_THAT(text, HasSubstr("walcast_limit_max{limit=\"max_wal_senders\"} 10\n"));
}

}  // namespace
}  // namespace server::http
