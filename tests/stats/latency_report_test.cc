#include "server/stats/latency_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace server::stats {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using stream::index_of;
using stream::Stage;
using testing::HasSubstr;
using testing::Not;

SessionStatus standby(const std::string& name, std::uint32_t process_id) {
  SessionStatus row;
  row.process_id = process_id;
  row.application_name = name;
  row.state = "streaming";
  row.delivery.is_live = true;
  return row;
}

// The line of the report that begins with the word.
std::string line_of(const std::string& report, const std::string& word) {
  const auto begin = report.find("\n" + word + " ");
  if (begin == std::string::npos) return "";
  return report.substr(begin + 1, report.find('\n', begin + 1) - begin - 1);
}

void fill(stream::StageHistograms<std::uint64_t>& stages, int deliveries) {
  for (int i = 0; i < deliveries; ++i) {
    stages.stages.at(index_of(Stage::kReceived)).add(0);
    stages.stages.at(index_of(Stage::kStored)).add(0);
    stages.stages.at(index_of(Stage::kProven)).add(5'000);
    stages.stages.at(index_of(Stage::kSent)).add(45'000);
    stages.server.add(50'000);
    stages.stages.at(index_of(Stage::kFlushed)).add(2'000'000);
  }
}

TEST(LatencyReportTest, HasALineForEachStageThatTookTime) {
  LatencySnapshot snapshot;
  fill(snapshot.stages.recent, 7);
  snapshot.stages.recent_time = seconds(90);
  const std::string report = render_latency(snapshot, LatencySpan::kRecent, seconds(1000));
  EXPECT_THAT(report, HasSubstr("latency of the last 90 s, 7 live deliveries\n"));
  EXPECT_EQ(line_of(report, "received"), "");
  EXPECT_EQ(line_of(report, "stored"), "");
  EXPECT_EQ(line_of(report, "applied"), "");
  EXPECT_THAT(line_of(report, "proven"), HasSubstr(" 7    5.0 us    5.0 us"));
  EXPECT_THAT(line_of(report, "sent"), HasSubstr(" 45 us"));
  EXPECT_THAT(line_of(report, "="), HasSubstr(" 50 us"));
  EXPECT_THAT(line_of(report, "flushed"), HasSubstr(" 2.00 ms"));
}

TEST(LatencyReportTest, AReceiverAndASpoolHaveALineEach) {
  LatencySnapshot snapshot;
  fill(snapshot.stages.recent, 1);
  snapshot.stages.recent.stages.at(index_of(Stage::kStored)).add(20'000'000'000);
  const std::string report = render_latency(snapshot, LatencySpan::kRecent, seconds(1000));
  EXPECT_EQ(line_of(report, "received"), "");
  EXPECT_THAT(line_of(report, "stored"), HasSubstr(" 20.0 s"));
  snapshot.stages.recent.stages.at(index_of(Stage::kReceived)).add(60'000);
  EXPECT_THAT(line_of(render_latency(snapshot, LatencySpan::kRecent, seconds(1000)), "received"),
              HasSubstr(" 60 us"));
}

TEST(LatencyReportTest, WhatSendDelayCostsAndBuysIsSaid) {
  LatencySnapshot snapshot;
  fill(snapshot.stages.recent, 5);
  EXPECT_THAT(render_latency(snapshot, LatencySpan::kRecent, seconds(1000)),
              Not(HasSubstr("send_delay")));
  auto& recent = snapshot.stages.recent;
  for (int i = 0; i < 5; ++i) recent.stages.at(index_of(Stage::kGathered)).add(3'000'000);
  recent.gathered_sends = 2;
  const std::string report = render_latency(snapshot, LatencySpan::kRecent, seconds(1000));
  EXPECT_THAT(line_of(report, "gathered"), HasSubstr(" 5   3.00 ms   3.00 ms"));
  EXPECT_THAT(report, HasSubstr("\nsend_delay: 5 deliveries in 2 sends, 2.50 in each\n"));
  recent.merged_spans = 7;
  EXPECT_THAT(render_latency(snapshot, LatencySpan::kRecent, seconds(1000)),
              HasSubstr("2.50 in each; 7 more counted with the one behind them\n"));
}

TEST(LatencyReportTest, CanBeOfAllTime) {
  LatencySnapshot snapshot;
  fill(snapshot.stages.recent, 7);
  fill(snapshot.stages.all, 9);
  EXPECT_THAT(render_latency(snapshot, LatencySpan::kAll, seconds(1000)),
              HasSubstr("latency of the last 1000 s, 9 live deliveries\n"));
}

TEST(LatencyReportTest, WithoutDeliveriesThereAreNoStages) {
  const std::string report = render_latency({}, LatencySpan::kRecent, seconds(1));
  EXPECT_THAT(report, HasSubstr("0 live deliveries\n"));
  EXPECT_THAT(report, Not(HasSubstr("proven")));
}

TEST(LatencyReportTest, TheStandbyThatWaitsLongestIsFirst) {
  LatencySnapshot snapshot;
  snapshot.standbys = {standby("quick", 1), standby("slow", 2), standby("stuck", 3)};
  for (SessionStatus& row : snapshot.standbys) {
    for (auto& figure : row.delivery.stages) figure = {.count = 3, .mean = microseconds(10)};
  }
  snapshot.standbys[1].delivery.stages.at(index_of(Stage::kFlushed)).mean = milliseconds(12);
  snapshot.standbys[2].delivery.stages.at(index_of(Stage::kApplied)).pending = seconds(30);
  const std::string report = render_latency(snapshot, LatencySpan::kRecent, seconds(100));
  EXPECT_LT(report.find("\nstuck "), report.find("\nslow "));
  EXPECT_LT(report.find("\nslow "), report.find("\nquick "));
  EXPECT_THAT(line_of(report, "stuck"), HasSubstr("standby's replay, 30.0 s so far"));
  EXPECT_THAT(line_of(report, "slow"), HasSubstr("standby's disk, 12 ms"));
  EXPECT_THAT(line_of(report, "slow"), HasSubstr(" 3     70 us     10 us     12 ms     10 us "));
}

TEST(LatencyReportTest, AStandbyThatSaysNothingHasNoFigures) {
  LatencySnapshot snapshot;
  snapshot.standbys = {standby("new", 1)};
  const std::string report = render_latency(snapshot, LatencySpan::kRecent, seconds(100));
  EXPECT_THAT(line_of(report, "new"),
              HasSubstr(" 0         -         -         -         -  nothing yet"));
}

TEST(LatencyReportTest, AFleetIsCutOff) {
  LatencySnapshot snapshot;
  for (std::uint32_t i = 0; i < kLatencyRowsMax + 3; ++i) {
    snapshot.standbys.push_back(standby("s", i));
  }
  snapshot.standbys.front().state = "startup";  // and is no standby yet
  EXPECT_THAT(render_latency(snapshot, LatencySpan::kRecent, seconds(100)),
              HasSubstr("\n... and 2 more\n"));
}

}  // namespace
}  // namespace server::stats
