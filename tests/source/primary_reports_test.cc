#include "server/source/primary_reports.h"

#include <gtest/gtest.h>

#include <chrono>

#include "runtime/doorbell.h"
#include "runtime/published.h"

namespace server::source {
namespace {

using std::chrono::seconds;

struct NoSink final : WalSink {
  wal::Lsn position() const override { return {}; }
  wal::TransactionId newest_xid() const override { return wal::kInvalidTransactionId; }
  runtime::Result<void> on_connected(const PrimaryInfo&) override { return {}; }
  void on_cluster_facts(const wal::ClusterFacts&) override {}
  runtime::Result<void> on_wal(const wire::XLogData&) override { return {}; }
  runtime::Result<void> on_turn() override { return {}; }
  Quorum::Positions confirmed(const Quorum::Positions& reported) const override { return reported; }
  runtime::Result<void> on_timeline_ended(const NextTimeline&) override { return {}; }
  bool on_connection_lost(const runtime::Error&) override { return false; }
};

// Reports that are never sent, for there is no connection.
struct PrimaryReportsTest : ::testing::Test {
  runtime::Instant at(int second) const { return runtime::Instant(seconds(1000 + second)); }

  runtime::FakeClock clock;
  runtime::Doorbell doorbell;
  runtime::Published<bool> stop;
  Upstream upstream{{}, clock, doorbell, stop};
  NoSink sink;
  PrimaryReports reports{{.timeout = seconds(60)}, clock, sink, upstream};
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

}  // namespace
}  // namespace server::source
