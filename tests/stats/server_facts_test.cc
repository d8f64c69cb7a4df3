#include "server/stats/server_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/stats/planted_facts.h"
#include "tests/support/fake_holder.h"

namespace server::stats {
namespace {

using source::ReceiverState;
using testing::ElementsAre;
using testing::Field;
using wal::Lsn;

Snapshot snapshot_of(tests::PlantedFacts& planted) {
  Snapshot snapshot;
  planted.facts.add_to(snapshot, /*fresh=*/true);
  return snapshot;
}

TEST(ServerFactsTest, AServerStartsIsReadyAndStops) {
  tests::PlantedFacts planted({.process_id = 7});
  EXPECT_FALSE(snapshot_of(planted).is_ready);
  EXPECT_EQ(snapshot_of(planted).process_id, 7u);
  planted.facts.set_ready();
  EXPECT_TRUE(snapshot_of(planted).is_ready);
  planted.facts.set_stopping();
  EXPECT_FALSE(snapshot_of(planted).is_ready);
  EXPECT_TRUE(snapshot_of(planted).is_stopping);
}

TEST(ServerFactsTest, WithoutAPrimaryThereIsNoUpstream) {
  tests::PlantedFacts planted;
  EXPECT_FALSE(snapshot_of(planted).upstream.has_primary());
}

TEST(ServerFactsTest, TheUpstreamIsWhatTheReceiverSays) {
  tests::PlantedFacts planted({.has_primary = true, .conninfo = "host=h", .slot_name = "s"});
  EXPECT_EQ(snapshot_of(planted).upstream.state, UpstreamState::kConnecting);
  planted.source.facts.host = "10.0.0.1";
  planted.source.facts.latest_end = Lsn(99);
  planted.facts.set_receiver({ReceiverState::Kind::kStreaming, "host=h port=5432"});
  const UpstreamStatus streaming = snapshot_of(planted).upstream;
  EXPECT_EQ(streaming.state, UpstreamState::kStreaming);
  EXPECT_EQ(streaming.text, "host=h port=5432");
  EXPECT_EQ(streaming.conninfo, "host=h");
  EXPECT_EQ(streaming.slot_name, "s");
  EXPECT_EQ(streaming.host, "10.0.0.1");
  EXPECT_EQ(streaming.latest_end, Lsn(99));

  planted.facts.set_receiver({ReceiverState::Kind::kFailing, "refused"});
  const UpstreamStatus failing = snapshot_of(planted).upstream;
  EXPECT_EQ(failing.state, UpstreamState::kFailing);
  EXPECT_GE(failing.since, streaming.since);
  planted.facts.set_receiver({ReceiverState::Kind::kFailing, "refused again"});
  EXPECT_EQ(snapshot_of(planted).upstream.since, failing.since) << "the state is the same";
}

TEST(ServerFactsTest, HoldsAndSlotsAreMeasuredFromTheEndOfWal) {
  tests::PlantedFacts planted;
  ASSERT_TRUE(planted.slots.load());
  planted.tail.adopt({wal::TimelineHistory(wal::TimelineId{3}), {}});
  planted.tail.publish(Lsn(1000), Lsn(5000), planted.clock.now());
  tests::FakeHolder holder;
  holder.required.store(Lsn(4000));
  planted.holds.add(holder);
  ASSERT_TRUE(planted.slots.create("one", slot::Persistence::kTemporary, {.pid = 5}, Lsn(2000)));
  const Snapshot snapshot = snapshot_of(planted);
  EXPECT_EQ(snapshot.end, Lsn(5000));
  EXPECT_EQ(snapshot.timeline, wal::TimelineId{3});
  EXPECT_THAT(snapshot.holds, ElementsAre(Field(&HoldStatus::bytes, 1000u)));
  ASSERT_NE(snapshot.find_slot("one"), nullptr);
  EXPECT_EQ(snapshot.find_slot("one")->retained_bytes, 3000u);
  EXPECT_EQ(snapshot.find_slot("one")->active_pid, 5);
  EXPECT_EQ(snapshot.find_slot("two"), nullptr);
  planted.holds.remove(holder);
}

TEST(ServerFactsTest, OnlyAReloadMovesTheTimeOfTheConfiguration) {
  tests::PlantedFacts planted;
  const auto settings = std::make_shared<settings::Settings>();
  settings->set("port", "1", "");
  const runtime::WallMicros before = snapshot_of(planted).config_load_time;
  planted.facts.set_settings(settings, /*is_reload=*/false);
  EXPECT_EQ(snapshot_of(planted).config_load_time, before);
  EXPECT_EQ(snapshot_of(planted).settings, settings);
  while (planted.clock.wall_now() <= before) {
  }
  planted.facts.set_settings(settings, /*is_reload=*/true);
  EXPECT_GT(snapshot_of(planted).config_load_time, before);
}

}  // namespace
}  // namespace server::stats
