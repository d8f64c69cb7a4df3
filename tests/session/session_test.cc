#include "server/session/session.h"

#include <gtest/gtest.h>

#include <string>

#include "server/wire/replication.h"
#include "tests/session/session_loop.h"
#include "tests/support/bytes.h"
#include "tests/support/logged.h"

// A session from inside: its timers, by a clock that the test sets, and what it keeps.

namespace tests {

namespace {

using std::chrono::seconds;

class SessionOnLoopTest : public ::testing::Test, protected SessionOnLoop {
 protected:
  static std::string encryption_request(char last) {
    return std::string("\0\0\0\x08\x04\xd2\x16", 7) + last;
  }
};

// With each of them the client has a minute less left.
TEST_F(SessionOnLoopTest, NoMessagePutsOffTheEndOfALogin) {
  options.authentication_timeout = seconds(60);
  pass(seconds(25));
  say(encryption_request('\x2f'));
  pass(seconds(25));
  say(encryption_request('\x30'));
  EXPECT_EQ(heard(), "NN");
  pass(seconds(9));
  EXPECT_FALSE(over());
  pass(seconds(1));
  EXPECT_TRUE(over());
  EXPECT_EQ(heard(), "") << "without a word";
}

TEST_F(SessionOnLoopTest, AClientThatIsInMayTakeItsTime) {
  say(startup_packet(walreceiver_parameters()));
  pass(seconds(3600));
  ASSERT_FALSE(over());
  EXPECT_EQ(session().status().application_name, "walreceiver");
}

TEST_F(SessionOnLoopTest, AStartUpPacketMayComeByteByByte) {
  for (const char& byte : startup_packet(walreceiver_parameters())) {
    say(std::string_view(&byte, 1));
  }
  EXPECT_EQ(heard().front(), 'R');
}

// The packet has come in two parts, so it was kept.
TEST_F(SessionOnLoopTest, NothingIsKeptOfALongStartUpPacketOnceTheClientIsIn) {
  auto parameters = walreceiver_parameters();
  parameters.emplace_back("options", std::string(9'000, ' '));
  const std::string packet = startup_packet(parameters);
  const auto kept = [this] {
    return context.subtree_stats().total_bytes - environment.message_context.stats().total_bytes;
  };
  const auto before = kept();
  say(packet.substr(0, packet.size() - 1));
  EXPECT_GT(kept(), before + 4'000);
  say(packet.substr(packet.size() - 1));
  EXPECT_EQ(heard().front(), 'R');
  EXPECT_LE(kept(), before + memctx::kSmallArena.block_bytes_initial);
}

TEST_F(SessionOnLoopTest, ASeatIsTakenWhenTheClientIsIn) {
  const std::string packet = startup_packet(walreceiver_parameters());
  say(packet.substr(0, packet.size() - 1));
  EXPECT_EQ(wal_senders.get(), 0);
  say(packet.substr(packet.size() - 1));
  EXPECT_EQ(wal_senders.get(), 1);
  say(client_message('X', ""));
  ASSERT_TRUE(over());
  rig.loop.turn_for_test();
  EXPECT_EQ(wal_senders.get(), 0);
}

// It was given back when the session died, at the end of the turn: a client that had seen the end
// and came back on another loop was one too many.
TEST_F(SessionOnLoopTest, ASeatIsFreeAsSoonAsTheClientCanSeeTheEnd) {
  say(startup_packet(walreceiver_parameters()));
  EXPECT_EQ(wal_senders.get(), 1);
  say(client_message('X', ""));
  ASSERT_TRUE(over());
  EXPECT_EQ(seats_at_the_end(), 0);
}

// The command runs in the pool when the session finds out, or is done already.
TEST_F(SessionOnLoopTest, ATemporarySlotOfAClientThatHasGoneIsDropped) {
  say(startup_packet(walreceiver_parameters()));
  send(query("CREATE_REPLICATION_SLOT s TEMPORARY PHYSICAL"));
  sockets.peer.reset();
  ASSERT_TRUE(rig.turn_until([this] { return over(); }));
  EXPECT_TRUE(slots.all().empty());
  rig.loop.turn_for_test();
  EXPECT_EQ(wal_senders.get(), 0);
}

TEST_F(SessionOnLoopTest, ASessionThatWaitsForASlotIsTerminatedBehindItsAnswer) {
  const auto held = slots.create("s", server::slot::Persistence::kTemporary, {/*pid=*/9}, {});
  ASSERT_TRUE(held.has_value());
  say(startup_packet(walreceiver_parameters()));
  say(query("DROP_REPLICATION_SLOT s WAIT"));
  heard();
  session().terminate();
  session().terminate();  // it has been told
  ASSERT_TRUE(rig.turn_until([this] { return over(); }));
  const std::string last_words = heard();
  ASSERT_NE(last_words.find("57P01"), std::string::npos) << last_words;
  EXPECT_LT(last_words.find("57014"), last_words.find("57P01")) << last_words;
  slots.drop_temporary(9);  // calls no waiter
  rig.loop.turn_for_test();
}

// The primary ignores a message with a transaction that it cannot know, and with it what all other
// standbys need (walsender.c, TransactionIdInRecentPast).
TEST_F(SessionOnLoopTest, FeedbackThatPostgresWouldIgnoreCountsForNothing) {
  rig.tail.show_xid({.id = 1000, .epoch = 5});
  rig.tail.announce(rig.clock.now());
  say(startup_packet(walreceiver_parameters()));
  say(start_replication(rig.end()));
  const auto feedback_of = [](std::uint32_t epoch, std::uint32_t xmin, std::uint32_t catalog = 0) {
    return client_message(
        'd', as_text(server::wire::encode_hot_standby_feedback({.send_time = 0,
                                                                .xmin = xmin,
                                                                .xmin_epoch = epoch,
                                                                .catalog_xmin = catalog,
                                                                .catalog_xmin_epoch = epoch})));
  };
  const auto oldest = [this] { return xmin_horizon.oldest(rig.clock.now(), {}); };
  const std::uint64_t right = (std::uint64_t{5} << 32) | 900;
  say(feedback_of(5, 900));
  EXPECT_EQ(oldest().data, right);
  const std::string log = logged([&] {
    say(feedback_of(4, 900));
    say(feedback_of(6, 900));
    say(feedback_of(5, 3'000'000'000));
    say(feedback_of(5, 950, 3'000'000'000));
  });
  EXPECT_EQ(oldest(), server::source::Xmin{right}) << "the last right one stays in force";
  EXPECT_EQ(count_of(log, "WARNING:  ignoring hot standby feedback of standby \"walreceiver\""), 1u)
      << log;
  say(feedback_of(5, 960));
  EXPECT_EQ(oldest().data, right + 60);
  say(feedback_of(9, 1));
  EXPECT_EQ(oldest(), server::source::Xmin{}) << "no normal transaction, so it needs none";
}

// Of two ids that are a little apart, each may be of another epoch.
TEST_F(SessionOnLoopTest, FeedbackHasAnEpochForTheXminAndOneForThatOfTheCatalogs) {
  rig.tail.show_xid({.id = 100, .epoch = 5});
  rig.tail.announce(rig.clock.now());
  const auto created = slots.create("s", server::slot::Persistence::kTemporary, {/*pid=*/7}, {});
  ASSERT_TRUE(created.has_value());
  say(startup_packet(walreceiver_parameters()));
  say(query("START_REPLICATION SLOT s PHYSICAL " + to_string(rig.end())));
  const server::wire::HotStandbyFeedback feedback{.send_time = 0,
                                                  .xmin = 50,
                                                  .xmin_epoch = 5,
                                                  .catalog_xmin = 0xFFFF'FF00,
                                                  .catalog_xmin_epoch = 4};
  say(client_message('d', as_text(server::wire::encode_hot_standby_feedback(feedback))));
  EXPECT_EQ(slots.read("s")->xmin, (server::source::Xmin{.data = (std::uint64_t{5} << 32) | 50,
                                                         .catalog = 0x4'FFFF'FF00}));
}

TEST_F(SessionOnLoopTest, WrongFeedbackDoesNotMoveASlot) {
  rig.tail.show_xid({.id = 1000, .epoch = 5});
  rig.tail.announce(rig.clock.now());
  const auto created = slots.create("s", server::slot::Persistence::kTemporary, {/*pid=*/7}, {});
  ASSERT_TRUE(created.has_value());
  say(startup_packet(walreceiver_parameters()));
  say(query("START_REPLICATION SLOT s PHYSICAL " + to_string(rig.end())));
  say(feedback(900));  // of epoch 0
  EXPECT_EQ(slots.read("s")->xmin, server::source::Xmin{});
}

// The stream was over, so its sender had no more to lose; its pages were in the socket all the
// same.
TEST_F(SessionOnLoopTest, PagesThatAreLostBehindTheirStreamEndTheConnection) {
  options.sender.copy_bytes_max = 1;  // longer messages go as pages
  say(startup_packet(walreceiver_parameters()));
  say(start_replication(rig.begin()));
  ASSERT_TRUE(rig.turn_until([this] { return session().status().sent == rig.end(); }));
  say(client_message('c', ""));
  ASSERT_EQ(session().status().state, "startup");
  rig.view.held_files().hold_from(server::wal::Lsn::max());
  EXPECT_TRUE(over());
}

}  // namespace

}  // namespace tests
