#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "runtime/socket.h"
#include "tests/session/session_rig.h"
#include "tests/support/logged.h"
#include "tests/support/temp_dir.h"

// Replication slots as clients see them.

namespace tests {

using server::slot::SlotInfo;
using server::wal::Lsn;
using server::wal::Xmin;

namespace {

struct SlotsTest : SessionTest {
  static TestServer::Options options(const TempDir& state, std::size_t slots_max) {
    TestServer::Options made;
    made.slots.directory = state.file("pg_replslot");
    made.slots.slots_max = slots_max;
    made.worker.session.close_timeout = std::chrono::minutes(1);  // longer than any test waits
    return made;
  }
  // The members of a test outlive its server, which writes into the directory.
  static TempDir& state() {
    static thread_local std::optional<TempDir> directory;
    return directory.emplace();
  }
  SlotsTest() : SessionTest(options(state(), 3)) { EXPECT_TRUE(server.slots().load()); }

  // The types of the answer, with the SQLSTATE of an error: "TDCZ", "E42710Z".
  static std::string run(TestClient& client, std::string_view text) {
    client.send(query(text));
    return answer(client);
  }
  static std::string answer(TestClient& client) {
    std::string told;
    for (const Message& message : client.until('Z')) {
      told += message.type;
      if (message.type == 'E') told += field(message, 'C');
    }
    return told;
  }
  std::optional<SlotInfo> slot(std::string_view name) { return server.slots().read(name); }
  static std::string start(std::string_view slot, Lsn from) {
    return query("START_REPLICATION SLOT \"" + std::string(slot) + "\" " +
                 server::wal::to_string(from) + " TIMELINE 1");
  }
  // The client's last message is that its session was ended.
  static void expect_terminated(TestClient& client) {
    const auto told = client.to_end();
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(field(told.back(), 'S'), "FATAL");
    EXPECT_EQ(field(told.back(), 'C'), "57P01");
    EXPECT_EQ(field(told.back(), 'M'), "terminating connection due to administrator command");
  }
  // Waits until everything that the client sent is done: the answer comes behind it.
  static void settle(TestClient& client, Lsn flushed) {
    client.send(status(flushed, /*reply_requested=*/true));
    for (;;) {
      const Message message = client.next();
      ASSERT_EQ(message.type, 'd');
      if (keepalive(message)) return;
    }
  }

  static std::string feedback(std::uint32_t xmin) {
    server::wire::HotStandbyFeedback told{};
    told.xmin = xmin;
    return client_message('d', as_text(server::wire::encode_hot_standby_feedback(told)));
  }
  Xmin horizon() { return server.xmin_horizon().oldest(runtime::Instant(), {}); }

  ReadyClient client{server};
};

TEST_F(SlotsTest, APersistentSlotIsCreatedReadUsedAndDropped) {
  EXPECT_EQ(run(client, "READ_REPLICATION_SLOT s"), "TDCZ");
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT s PHYSICAL"), "TDCZ");
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT s PHYSICAL"), "E42710Z");
  EXPECT_EQ(slot("s")->active_pid, 0) << "a slot is its creator's for that command only";
  EXPECT_FALSE(slot("s")->restart_lsn.valid());

  client.send(start("s", begin()));
  EXPECT_EQ(client.next().type, 'W');
  settle(client, begin() + 1000);
  EXPECT_EQ(slot("s")->restart_lsn, begin() + 1000);
  EXPECT_NE(slot("s")->active_pid, 0);
  ReadyClient other(server);
  EXPECT_EQ(run(other, "DROP_REPLICATION_SLOT s"), "E55006Z");
  EXPECT_EQ(run(other, "START_REPLICATION SLOT s 0/0"), "E55006Z");

  client.send(client_message('c', ""));
  EXPECT_EQ(client.until('Z').back().type, 'Z');
  EXPECT_EQ(slot("s")->active_pid, 0);
  EXPECT_EQ(run(client, "DROP_REPLICATION_SLOT s"), "CZ");
  EXPECT_EQ(run(client, "DROP_REPLICATION_SLOT s"), "E42704Z");
  EXPECT_EQ(run(client, "START_REPLICATION SLOT s 0/0"), "E42704Z");
}

TEST_F(SlotsTest, ReserveWalKeepsTheNewestSegment) {
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT s PHYSICAL RESERVE_WAL"), "TDCZ");
  EXPECT_EQ(slot("s")->restart_lsn, begin());
  client.send(query("READ_REPLICATION_SLOT s"));
  const auto messages = client.until('Z');
  ASSERT_EQ(types_of(messages), "TDCZ");
  EXPECT_NE(messages[1].body.find("physical"), std::string::npos);
  EXPECT_NE(messages[1].body.find(server::wal::to_string(begin())), std::string::npos);
}

TEST_F(SlotsTest, TemporarySlotsGoWithAnErrorAndWithTheSession) {
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT t TEMPORARY PHYSICAL"), "TDCZ");
  EXPECT_NE(slot("t")->active_pid, 0);
  EXPECT_EQ(run(client, "SHOW no_such"), "E42704Z");
  EXPECT_FALSE(slot("t").has_value());
  {
    ReadyClient gone(server);
    EXPECT_EQ(run(gone, "CREATE_REPLICATION_SLOT t TEMPORARY PHYSICAL"), "TDCZ");
    EXPECT_EQ(run(client, "DROP_REPLICATION_SLOT t"), "E55006Z");
    gone.send(client_message('X', ""));
    EXPECT_TRUE(gone.ends());
  }
  ASSERT_TRUE(server.wait_for_sessions(1));
  EXPECT_FALSE(slot("t").has_value());
}

TEST_F(SlotsTest, AStreamMayUseTheSessionsTemporarySlotAgainAndAgain) {
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT t TEMPORARY PHYSICAL"), "TDCZ");
  for (int i = 0; i < 2; ++i) {
    client.send(start("t", end()) + client_message('c', ""));
    EXPECT_EQ(client.until('Z').back().type, 'Z');
    EXPECT_TRUE(slot("t").has_value());
  }
}

TEST_F(SlotsTest, AStreamThatFailsLeavesItsSlotFree) {
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT s PHYSICAL"), "TDCZ");
  client.send(start("s", Lsn(0xFFF00000000)));
  EXPECT_EQ(answer(client), "WEXX000Z");
  EXPECT_EQ(slot("s")->active_pid, 0);
  client.send(start("s", end()) + client_message('d', "r"));
  EXPECT_EQ(answer(client), "WE08P01Z");
  EXPECT_EQ(slot("s")->active_pid, 0);
}

TEST_F(SlotsTest, NoMoreThanTheLimit) {
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT " + std::string(name) + " PHYSICAL"), "TDCZ");
  }
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT d PHYSICAL"), "E53400Z");
}

TEST_F(SlotsTest, DropWithWaitEndsWhenTheSlotIsFree) {
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT s PHYSICAL"), "TDCZ");
  client.send(start("s", end()));
  EXPECT_EQ(client.next().type, 'W');
  ReadyClient dropper(server);
  dropper.send(query("DROP_REPLICATION_SLOT s WAIT") + query("IDENTIFY_SYSTEM"));
  // The stream goes on meanwhile, and so do other sessions.
  ReadyClient other(server);
  EXPECT_EQ(run(other, "DROP_REPLICATION_SLOT s"), "E55006Z");
  settle(client, end());
  client.send(client_message('X', ""));
  EXPECT_EQ(answer(dropper), "CZ");
  EXPECT_EQ(answer(dropper), "TDCZ");
  EXPECT_FALSE(slot("s").has_value());
}

// As with PostgreSQL, a client that only closes its side may still want the answer; a client that
// resets its connection does not.
TEST_F(SlotsTest, AClientThatWaitsForASlotMayGo) {
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT s PHYSICAL"), "TDCZ");
  client.send(start("s", end()));
  EXPECT_EQ(client.next().type, 'W');
  for (int i = 0; i < 20; ++i) {
    ReadyClient waiting(server);
    waiting.send(query("DROP_REPLICATION_SLOT s WAIT"));
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ASSERT_EQ(::setsockopt(waiting.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
  }
  ASSERT_TRUE(server.wait_for_sessions(1));
  settle(client, end());
  EXPECT_TRUE(slot("s").has_value());
}

TEST_F(SlotsTest, AStreamEndsWhenItsSlotNeedsWalThatIsToGo) {
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT s PHYSICAL RESERVE_WAL"), "TDCZ");
  client.send(start("s", begin()));
  EXPECT_EQ(client.next().type, 'W');
  ReadyClient other(server);
  EXPECT_TRUE(server.slots().invalidate_before(begin() + 1));
  expect_terminated(client);
  ASSERT_TRUE(server.wait_for_sessions(1));
  EXPECT_FALSE(slot("s")->restart_lsn.valid());
  EXPECT_EQ(slot("s")->active_pid, 0);
  other.send(query("READ_REPLICATION_SLOT s"));
  const auto row = other.until('Z');
  ASSERT_EQ(types_of(row), "TDCZ");
  EXPECT_EQ(row[1].body, std::string("\0\3\0\0\0\x08physical\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 22));
}

TEST_F(SlotsTest, AClientThatDoesNotReadIsNotWaitedForWhenItsSlotNeedsOldWal) {
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT s PHYSICAL RESERVE_WAL"), "TDCZ");
  server.publish(grow(8 << 20));
  ReadyClient stuck(server, /*receive_buffer_bytes=*/4096);
  stuck.send(start("s", begin()));
  auto is_stuck = [this, last = std::uint64_t{0}]() mutable {
    return std::exchange(last, server.bytes_sent()) == server.bytes_sent() && last > 0;
  };
  int quiet = 0;  // a socket that takes nothing for so many looks is full
  while (quiet < 200) quiet = is_stuck() && server.sessions().size() == 2 ? quiet + 1 : 0;
  EXPECT_TRUE(server.slots().invalidate_before(begin() + 1));
  ASSERT_TRUE(server.wait_for_sessions(1)) << "not even for close_timeout";
  EXPECT_FALSE(slot("s")->restart_lsn.valid());
  EXPECT_EQ(run(client, "IDENTIFY_SYSTEM"), "TDCZ");
}

TEST_F(SlotsTest, AnIdleSessionEndsWhenItsTemporarySlotNeedsOldWal) {
  ReadyClient idle(server);
  EXPECT_EQ(run(idle, "CREATE_REPLICATION_SLOT t TEMPORARY PHYSICAL RESERVE_WAL"), "TDCZ");
  EXPECT_TRUE(server.slots().invalidate_before(begin() + 1));
  expect_terminated(idle);
  ASSERT_TRUE(server.wait_for_sessions(1));
  EXPECT_FALSE(slot("t").has_value());
}

TEST_F(SlotsTest, FeedbackIsKeptInTheSlotOfItsStream) {
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT s PHYSICAL"), "TDCZ");
  {
    ReadyClient without(server);
    without.send(start_replication(end()) + feedback(700));
    EXPECT_EQ(without.next().type, 'W');
    settle(without, end());
    EXPECT_EQ(horizon(), Xmin{700});
    ReadyClient with(server);
    with.send(start("s", end()) + feedback(500));
    EXPECT_EQ(with.next().type, 'W');
    settle(with, end());
    EXPECT_EQ(slot("s")->xmin, Xmin{500});
    EXPECT_EQ(horizon(), Xmin{500});
  }
  ASSERT_TRUE(server.wait_for_sessions(1));
  EXPECT_EQ(horizon(), Xmin{500}) << "the slot's stays, the other one's not";
  EXPECT_EQ(run(client, "DROP_REPLICATION_SLOT s"), "CZ");
  EXPECT_EQ(horizon(), Xmin{});
}

// Most feedback says what was said before. That the horizon stays without what the test has removed
// from it shows that it is not asked.
TEST_F(SlotsTest, TheSameFeedbackIsPassedOnOncePerStream) {
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT s PHYSICAL"), "TDCZ");
  client.send(start_replication(end()) + feedback(700));
  EXPECT_EQ(client.next().type, 'W');
  settle(client, end());
  EXPECT_EQ(horizon(), Xmin{700});
  const std::uint32_t process_id = server.sessions().at(0).process_id;
  server.xmin_horizon().remove(process_id);
  client.send(feedback(700));
  settle(client, end());
  EXPECT_EQ(horizon(), Xmin{});
  client.send(feedback(701));
  settle(client, end());
  EXPECT_EQ(horizon(), Xmin{701});
  // The next stream has a slot to keep it.
  client.send(client_message('c', ""));
  client.until('Z');
  client.send(start("s", end()) + feedback(701));
  EXPECT_EQ(client.next().type, 'W');
  settle(client, end());
  EXPECT_EQ(slot("s")->xmin, Xmin{701});
  server.xmin_horizon().report(process_id, "", {600});
  client.send(feedback(701));
  settle(client, end());
  EXPECT_EQ(horizon(), Xmin{600}) << "the slot's is known, and nobody asked";
}

// Those below the first normal one are the bootstrap's and the frozen.
TEST_F(SlotsTest, FeedbackOfNoNormalTransactionIsOfNone) {
  client.send(start_replication(end()) + feedback(700));
  EXPECT_EQ(client.next().type, 'W');
  settle(client, end());
  EXPECT_EQ(horizon(), Xmin{700});
  for (const std::uint32_t xid : {2u, 1u, 0u}) {
    client.send(feedback(3));
    settle(client, end());
    EXPECT_EQ(horizon(), Xmin{3});
    client.send(feedback(xid));
    settle(client, end());
    EXPECT_EQ(horizon(), Xmin{}) << xid;
  }
}

// It waits for its command with no socket, on which a reload set what a socket has.
TEST_F(SlotsTest, AReloadPassesOverASessionThatHasGone) {
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT s PHYSICAL"), "TDCZ");
  client.send(start("s", end()) + feedback(500));
  EXPECT_EQ(client.next().type, 'W');
  settle(client, end());
  client.close();
  ASSERT_TRUE(server.wait_for_sessions(0));

  ReadyClient gone(server);
  gone.send(start_replication(end()) + feedback(700));
  EXPECT_EQ(gone.next().type, 'W');
  settle(gone, end());
  gone.send(client_message('c', ""));
  gone.until('Z');
  std::promise<void> dropping;
  std::promise<void> go_on;
  std::atomic<bool> called = false;
  server.xmin_horizon().set_listener(
      [&] {
        if (called.exchange(true)) return;
        dropping.set_value();
        go_on.get_future().wait();
      },
      {});
  gone.send(query("DROP_REPLICATION_SLOT s"));
  dropping.get_future().wait();
  runtime::set_reset_on_close(gone.fd(), true);
  gone.close();
  while (horizon() != Xmin{}) std::this_thread::yield();  // the session's own is the last to go
  const std::string log = logged([&] { server.reload(); });
  EXPECT_EQ(log, "");
  go_on.set_value();
  EXPECT_TRUE(server.wait_for_sessions(0));
  server.xmin_horizon().set_listener({}, {});
}

TEST_F(SlotsTest, AServerThatStopsWaitsForNoSlot) {
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT s PHYSICAL"), "TDCZ");
  client.send(start("s", end()));
  EXPECT_EQ(client.next().type, 'W');
  settle(client, end());
  ReadyClient waiting(server);
  waiting.send(query("DROP_REPLICATION_SLOT s WAIT"));
  ReadyClient other(server);
  EXPECT_EQ(run(other, "DROP_REPLICATION_SLOT s"), "E55006Z");
  server.stop();
  std::string told;
  for (const Message& message : waiting.to_end()) {
    told += message.type;
    if (message.type == 'E') told += field(message, 'C');
  }
  // It was cancelled, or dropped the slot when the stream had ended.
  EXPECT_TRUE(told == "E57014ZE57P01" || told == "CZE57P01") << told;
}

}  // namespace

}  // namespace tests
