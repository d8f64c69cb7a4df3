#include <chrono>
#include <optional>
#include <string>

#include "runtime/clock.h"
#include "server/session/session_slots.h"
#include "server/slot/slots.h"
#include "tests/session/session_rig.h"
#include "tests/support/temp_dir.h"

// Clients that create and drop slots all the time, and the disk.

namespace tests {

namespace {

using server::session::SessionSlots;
using std::chrono::milliseconds;

struct SlotsPaceTest : SessionTest {
  static constexpr int kRounds = 200;  // more than any test waits for

  static TestServer::Options options(const TempDir& state) {
    TestServer::Options made;
    made.slots.directory = state.file("pg_replslot");
    made.slots.slots_max = 3;
    made.worker.session.close_timeout = std::chrono::minutes(1);  // longer than any test waits
    return made;
  }
  // The members of a test outlive its server, which writes into the directory.
  static TempDir& state() {
    static thread_local std::optional<TempDir> directory;
    return directory.emplace();
  }
  SlotsPaceTest() : SessionTest(options(state())) { EXPECT_TRUE(server.slots().load()); }

  static std::string rounds_of(const std::string& options, int rounds = kRounds) {
    std::string all;
    for (int round = 0; round < rounds; ++round) {
      all += query("CREATE_REPLICATION_SLOT s" + options + " PHYSICAL");
      all += query("DROP_REPLICATION_SLOT s");
    }
    return all;
  }
  static std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

  ReadyClient client{server};
};

// They wait, and none is refused.
TEST_F(SlotsPaceTest, ASessionsChangesAreDoneAtARate) {
  constexpr int kBehindTheBurst = 5;
  const auto begun = now();
  client.send(rounds_of(""));
  for (int i = 0; i < SessionSlots::kChangesBurst + kBehindTheBurst; ++i) {
    EXPECT_EQ(types_of(client.until('Z')), i % 2 == 0 ? "TDCZ" : "CZ");
  }
  EXPECT_GE(now() - begun, milliseconds(1000 * kBehindTheBurst) / SessionSlots::kChangesPerSecond);
}

TEST_F(SlotsPaceTest, ASlotThatNoDiskHasIsCreatedAndDroppedAtOnce) {
  const auto begun = now();
  client.send(rounds_of(" TEMPORARY"));
  for (int i = 0; i < 2 * kRounds; ++i) {
    EXPECT_EQ(types_of(client.until('Z')), i % 2 == 0 ? "TDCZ" : "CZ");
  }
  EXPECT_LT(now() - begun, milliseconds(1000 * kRounds) / SessionSlots::kChangesPerSecond);
}

TEST_F(SlotsPaceTest, AnotherSessionDoesNotWaitForIt) {
  client.send(rounds_of(""));
  for (int i = 0; i < SessionSlots::kChangesBurst; ++i) client.until('Z');
  ReadyClient other(server);
  const auto begun = now();
  other.send(query("CREATE_REPLICATION_SLOT other PHYSICAL"));
  EXPECT_EQ(types_of(other.until('Z')), "TDCZ");
  EXPECT_LT(now() - begun, std::chrono::seconds(1));
}

// As one that waits for a slot.
TEST_F(SlotsPaceTest, ACommandThatWaitsForItsTurnIsCancelled) {
  client.send(rounds_of(""));
  for (int i = 0; i < SessionSlots::kChangesBurst; ++i) client.until('Z');
  server.stop();
  std::string told;
  for (const Message& message : client.to_end()) {
    if (message.type == 'E') told += field(message, 'C') + " ";
  }
  EXPECT_TRUE(told == "57014 57P01 " || told == "57P01 ") << told;
}

// Such as that of a client that connects anew each time.
TEST_F(SlotsPaceTest, ACommandThatIsCancelledBeforeItsTurnTakesNoneFromOthers) {
  auto& slots = server.slots();
  const runtime::Instant later = runtime::SystemClock().now() + std::chrono::hours(1);
  ASSERT_EQ(slots.take_turn(later), later) << "so that none is due for most of an hour";
  for (int i = 0; i < 3; ++i) {
    ReadyClient impatient(server);
    impatient.send(query("IDENTIFY_SYSTEM") + query("CREATE_REPLICATION_SLOT s PHYSICAL"));
    impatient.until('Z');
    for (int turn = 0; turn < 2; ++turn) server.run_in_worker([] {});  // and by then it waits
    runtime::set_reset_on_close(impatient.fd(), true);
    impatient.close();
    EXPECT_TRUE(server.wait_for_sessions(1)) << "the fixture's client";
  }
  int in_burst = 1;
  while (slots.take_turn(later) == later) ++in_burst;
  EXPECT_EQ(in_burst, server::slot::Slots::kChangesBurst);
}

TEST_F(SlotsPaceTest, ACommandThatWaitsForTheTurnOfAllTakesItWhenItIsDue) {
  auto& slots = server.slots();
  const runtime::Instant now = runtime::SystemClock().now();
  const runtime::Instant soon = now + milliseconds(500);  // which is about what a burst is ahead
  for (int i = 0; i < server::slot::Slots::kChangesBurst; ++i) slots.take_turn(soon);
  client.send(rounds_of("", /*rounds=*/2));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(types_of(client.until('Z')), i % 2 == 0 ? "TDCZ" : "CZ");
  EXPECT_GT(runtime::SystemClock().now(), soon);
}

TEST_F(SlotsPaceTest, ASessionWhoseClientGoesDoesNotWaitForItsTurn) {
  client.send(rounds_of(""));
  for (int i = 0; i < SessionSlots::kChangesBurst; ++i) client.until('Z');
  const auto begun = now();
  runtime::set_reset_on_close(client.fd(), true);
  client.close();
  EXPECT_TRUE(server.wait_for_sessions(0));
  EXPECT_LT(now() - begun, std::chrono::seconds(5));
}

}  // namespace

}  // namespace tests
