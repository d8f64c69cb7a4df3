#include "server/session/session_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/session/session_loop.h"
#include "tests/support/logged.h"

namespace server::session {
namespace {

using testing::HasSubstr;
using tests::logged;

struct SessionLogTest : testing::Test, tests::SessionLoop {
  SessionLogTest() { options.logged = {true, true, true}; }

  Client client() const {
    Client made;
    made.user = "replicator";
    made.address = kAddress;
    made.process_id = 77;
    made.started = started;
    settings::Notices notices;
    EXPECT_TRUE(made.settings.set(settings, "application_name", "node1", notices).has_value());
    return made;
  }

  static constexpr const char* kAddress = "192.0.2.1:4711";
  const runtime::WallMicros started = rig.loop.wall_now();
};

TEST_F(SessionLogTest, AConnectionIsLoggedAsPostgresDoes) {
  EXPECT_THAT(logged([&] { SessionLog(environment, kAddress, 77, started); }),
              HasSubstr("[77] walsender [unknown] [unknown] LOG:  connection received: "
                        "host=192.0.2.1 port=4711\n"));
  EXPECT_THAT(logged([&] { SessionLog(environment, "[local]", 77, started); }),
              HasSubstr("LOG:  connection received: host=[local]\n"));
}

TEST_F(SessionLogTest, WhoItIsIsLoggedOnceThatIsKnown) {
  const Client who = client();
  const std::string log = logged([&] {
    SessionLog plain(environment, kAddress, 77, started);
    plain.on_authorized(who, SessionLog::Kind::kWalsender);
    SessionLog encrypted(environment, kAddress, 77, started);
    encrypted.on_tls({.version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384", .bits = 256});
    encrypted.on_authorized(who, SessionLog::Kind::kWalsender);
  });
  EXPECT_THAT(log, HasSubstr("[77] walsender replicator node1 LOG:  replication connection "
                             "authorized: user=replicator application_name=node1\n"));
  EXPECT_THAT(log, HasSubstr("authorized: user=replicator application_name=node1 SSL enabled "
                             "(protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)\n"));
}

TEST_F(SessionLogTest, ANormalConnectionHasItsDatabase) {
  Client who = client();
  who.database = "walcast";
  EXPECT_THAT(logged([&] {
                SessionLog log(environment, kAddress, 77, started);
                log.on_authorized(who, SessionLog::Kind::kConsole);
              }),
              HasSubstr("[77] client backend replicator node1 LOG:  connection authorized: "
                        "user=replicator database=walcast application_name=node1\n"));
}

TEST_F(SessionLogTest, TheEndIsLoggedWithItsTimeOnlyOfAClientThatWasIn) {
  const Client who = client();
  rig.clock.advance(std::chrono::milliseconds((3 * 3600 + 25 * 60 + 7) * 1000 + 45));
  rig.loop.turn_for_test();
  const std::string log = logged([&] {
    SessionLog session(environment, kAddress, 77, started);
    session.on_disconnection();
    session.on_authorized(who, SessionLog::Kind::kWalsender);
    session.on_disconnection();
  });
  EXPECT_EQ(tests::count_of(log, "disconnection"), 1u) << log;
  EXPECT_THAT(log, HasSubstr("disconnection: session time: 3:25:07.045 user=replicator "
                             "database= host=192.0.2.1 port=4711\n"));
}

TEST_F(SessionLogTest, WhatIsNotAskedForIsNotLogged) {
  options.logged = {};
  const Client who = client();
  EXPECT_EQ(logged([&] {
              SessionLog session(environment, kAddress, 77, started);
              session.on_authorized(who, SessionLog::Kind::kWalsender);
              session.on_disconnection();
            }),
            "");
}

TEST_F(SessionLogTest, WhatAClientDoesNamesItsRoleAndItsApplication) {
  const Client who = client();
  EXPECT_THAT(logged([&] {
                SessionLog session(environment, kAddress, 77, started);
                session.say("it sent nonsense");
                session.on_authorized(who, SessionLog::Kind::kWalsender);
                session.say("it sent nonsense");
              }),
              testing::AllOf(HasSubstr("[77] walsender [unknown] [unknown] LOG:  it sent nonsense "
                                       "(client 192.0.2.1:4711)\n"),
                             HasSubstr("[77] walsender replicator node1 LOG:  it sent nonsense "
                                       "(client 192.0.2.1:4711)\n")));
}

// Commands of a client, played through a whole session.
TEST(SessionCommandLogTest, ACommandIsLoggedAndCannotLookLikeAnotherLine) {
  tests::SessionOnLoop session;
  session.options.logged.replication_commands = true;
  session.say(tests::startup_packet({{"user", "u"}, {"replication", "true"}}));
  const std::string log = logged([&] {
    session.say(
        tests::query("IDENTIFY_SYSTEM\n2026-01-31 00:00:00 UTC [1] main LOG:  all is well"));
  });
  EXPECT_THAT(log, HasSubstr("LOG:  received replication command: IDENTIFY_SYSTEM\n\t2026-"));
}

}  // namespace
}  // namespace server::session
