#include "server/source/primary_reports.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "server/wire/replication.h"

namespace server::source {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct FakeSink final : WalSink {
  wal::Lsn position() const override { return {}; }
  wal::NextXid next_xid() const override { return {}; }
  runtime::Result<void> on_connected(const PrimaryInfo&) override { return {}; }
  void on_cluster_facts(const wal::ClusterFacts&) override {}
  runtime::Result<void> on_wal(const wire::XLogData&) override { return {}; }
  runtime::Result<void> on_turn() override { return {}; }
  Quorum::Positions confirmed(const Quorum::Positions&) const override { return positions; }
  runtime::Result<void> on_timeline_ended(const NextTimeline&) override { return {}; }
  bool on_connection_lost(const runtime::Error&) override { return false; }

  Quorum::Positions positions;
};

struct PrimaryReportsTest : ::testing::Test {
  runtime::Instant at(int second) const { return runtime::Instant(seconds(1000 + second)); }
  runtime::Instant at_ms(int ms) const { return at(0) + milliseconds(ms); }
  runtime::Result<void> keep(std::span<const std::byte> body) {
    const auto message = wire::parse_standby_message(body);
    if (const auto* status = std::get_if<wire::StandbyStatus>(&*message)) said.push_back(*status);
    return {};
  }
  // How many statuses were said since the last call.
  std::size_t statuses() { return std::exchange(said, {}).size(); }
  void begin() {
    ASSERT_TRUE(reports.begin(at(0)));
    ASSERT_EQ(statuses(), 1u);
  }

  runtime::FakeClock clock;
  FakeSink sink;
  std::vector<wire::StandbyStatus> said;
  PrimaryReports reports{
      {.timeout = seconds(60)}, clock, sink, [this](std::span<const std::byte> body) {
        return keep(body);
      }};
};

TEST_F(PrimaryReportsTest, APingIsDueAfterHalfOfTheTimeoutWithoutAMessage) {
  reports.note_message(at(0));
  EXPECT_EQ(reports.next_due(), at(30));
  reports.note_message(at(10));
  EXPECT_EQ(reports.next_due(), at(40));
}

// A full disk held up one message for longer than the timeout. The next one of the same turn had
// the time from before that, and the turn after it ended the stream.
TEST_F(PrimaryReportsTest, AMessageThatIsTakenAfterAPauseDoesNotMakeThePauseThePrimarysSilence) {
  const runtime::Instant turn = at(0);
  reports.note_message(turn);
  reports.note_heard(at(300));
  reports.note_message(turn);
  EXPECT_EQ(reports.next_due(), at(330));
}

// A primary that stops asks again as soon as it has an answer, until all is confirmed: 13,000 times
// a second while a standby that has to confirm was frozen.
TEST_F(PrimaryReportsTest, AnswersThatSayNothingNewAreSpaced) {
  begin();
  std::size_t answers = 0;
  for (int ms = 1; ms <= 1000; ++ms) {
    reports.want_status();
    ASSERT_TRUE(reports.send_due(at_ms(ms)));
    answers += statuses();
  }
  EXPECT_GE(answers, 9u);
  EXPECT_LE(answers, 11u);
}

TEST_F(PrimaryReportsTest, AnAnswerIsOwedUntilItMayBeRepeated) {
  begin();
  reports.want_status();
  ASSERT_TRUE(reports.send_due(at_ms(1)));
  EXPECT_EQ(statuses(), 1u) << "the first one at once";
  reports.want_status();
  ASSERT_TRUE(reports.send_due(at_ms(2)));
  EXPECT_EQ(statuses(), 0u);
  EXPECT_EQ(reports.next_due(), at_ms(101));
  ASSERT_TRUE(reports.send_due(at_ms(101)));
  EXPECT_EQ(statuses(), 1u);
  EXPECT_EQ(reports.next_due(), at(30)) << "nothing is owed";
}

TEST_F(PrimaryReportsTest, WhatIsNewIsSaidAtOnceAndIsAnAnswer) {
  begin();
  reports.want_status();
  ASSERT_TRUE(reports.send_due(at_ms(1)));
  for (int ms = 2; ms <= 50; ++ms) {
    sink.positions.flush = sink.positions.write = wal::Lsn(static_cast<std::uint64_t>(ms));
    reports.want_status();
    said.clear();
    ASSERT_TRUE(reports.send_due(at_ms(ms)));
    ASSERT_EQ(said.size(), 1u);
    EXPECT_EQ(said[0].flush, static_cast<std::uint64_t>(ms));
  }
  said.clear();
  ASSERT_TRUE(reports.send_due(at_ms(200)));
  EXPECT_EQ(statuses(), 0u) << "what was asked for has been said";
}

TEST_F(PrimaryReportsTest, APauseSaysNoMoreThanTurnsDo) {
  begin();
  for (int i = 0; i < 1000; ++i) {
    reports.want_status();
    ASSERT_TRUE(reports.send_status_due(at_ms(1)));
  }
  EXPECT_EQ(statuses(), 1u);
  EXPECT_EQ(reports.next_due(), at_ms(101));
}

}  // namespace
}  // namespace server::source
