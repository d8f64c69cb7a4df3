#include "server/http/snapshot_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/http/session_columns.h"
#include "tests/http/planted_snapshot.h"

namespace server::http {
namespace {

using nlohmann::json;
using tests::planted_snapshot;
using tests::planted_standby;

TEST(SnapshotJsonTest, AStandbyIsAnObjectOfItsColumns) {
  auto snapshot = planted_snapshot();
  snapshot.sessions = {planted_standby("a", 300)};
  snapshot.sessions[0].write_lag = std::chrono::milliseconds(20);
  const json read = json::parse(snapshot_json(snapshot));
  const json& standby = read["standbys"][0];
  EXPECT_EQ(standby["application_name"], "a");
  EXPECT_EQ(standby["replay_lsn"], "0/25E4");
  EXPECT_EQ(standby["sent_lsn"], nullptr);
  EXPECT_EQ(standby["write_lag"], 0.02);
  EXPECT_EQ(standby["flush_lag"], nullptr);
  EXPECT_EQ(standby["slot_name"], nullptr);
  EXPECT_EQ(standby.size(), session_columns().size());
  EXPECT_EQ(read["server"]["wal_end"], "0/2710");
  EXPECT_EQ(read["upstream"]["state"], "streaming");
}

TEST(SnapshotJsonTest, AnEventHasTheSameInRows) {
  auto snapshot = planted_snapshot();
  snapshot.sessions = {planted_standby("a"), planted_standby("b")};
  const json event = json::parse(event_json(snapshot));
  const json whole = json::parse(snapshot_json(snapshot));
  ASSERT_EQ(event["standbys"].size(), 2u);
  for (std::size_t i = 0; i < event["columns"].size(); ++i) {
    const std::string column = event["columns"][i];
    EXPECT_EQ(event["standbys"][1][i], whole["standbys"][1][column]) << column;
  }
  EXPECT_EQ(event["holds"], whole["holds"]);
}

TEST(SnapshotJsonTest, APausedStandbySaysSo) {
  auto snapshot = planted_snapshot();
  snapshot.sessions = {planted_standby("a")};
  snapshot.sessions[0].paused = true;
  EXPECT_EQ(json::parse(snapshot_json(snapshot))["standbys"][0]["state"], "paused");
}

TEST(SnapshotJsonTest, ListsAreListsAlsoIfTheyAreEmpty) {
  const json read = json::parse(snapshot_json(planted_snapshot()));
  for (const char* list : {"standbys", "slots", "holds", "latency", "limits", "threads", "log"}) {
    EXPECT_TRUE(read[list].is_array()) << list;
    EXPECT_TRUE(read[list].empty()) << list;
  }
}

TEST(SnapshotJsonTest, WhatIsNoUtf8IsReplaced) {
  auto snapshot = planted_snapshot();
  snapshot.sessions = {planted_standby("\xff")};
  EXPECT_EQ(json::parse(snapshot_json(snapshot))["standbys"][0]["application_name"], "\uFFFD");
}

TEST(SnapshotJsonTest, OnlyTheLastLinesOfTheLogAreSent) {
  auto snapshot = planted_snapshot();
  for (std::uint64_t i = 1; i <= 100; ++i) {
    snapshot.log.push_back({.number = i, .time = 1, .level = "LOG", .text = "x"});
  }
  const json read = json::parse(snapshot_json(snapshot));
  EXPECT_EQ(read["log"].size(), 60u);
  EXPECT_EQ(read["log"].back()["number"], 100);
}

}  // namespace
}  // namespace server::http
