#include "server/source/primary_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "runtime/format.h"
#include "server/source/errors.h"
#include "server/wire/errors.h"
#include "tests/source/scripted_server.h"

// What a server of PostgreSQL answers is in e2e's test_auth_query; here are those that do not.

namespace server::source {
namespace {

using namespace std::chrono_literals;
using runtime::format;
using testing::HasSubstr;
using tests::backend_message;
using tests::ready;
using tests::ScriptedServer;

// What comes for the messages of one question, with rows of two columns.
std::string rows(const std::vector<std::string>& names) {
  const std::string column = std::string(6, '\0') + std::string("\0\0\0\x19\xff\xff", 6) +
                             std::string("\xff\xff\xff\xff\0\0", 6);
  std::string text = backend_message('1', "") + backend_message('2', "") +
                     backend_message('T', std::string("\0\2", 2) + std::string("name\0", 5) +
                                              column + std::string("none\0", 5) + column);
  for (const std::string& name : names) {
    text += backend_message('D', std::string("\0\2\0\0\0", 5) + static_cast<char>(name.size()) +
                                     name + std::string(4, '\xff'));
  }
  return text + backend_message('C', std::string("SELECT 1\0", 9)) + backend_message('Z', "I");
}

// What comes for the question of which cluster the server is.
std::string cluster(const std::string& identifier) {
  const std::string column = std::string(6, '\0') + std::string("\0\0\0\x14\0\x08", 6) +
                             std::string("\xff\xff\xff\xff\0\0", 6);
  const std::string row =
      std::string("\0\1\0\0\0", 5) + static_cast<char>(identifier.size()) + identifier;
  return backend_message('1', "") + backend_message('2', "") +
         backend_message('T',
                         std::string("\0\1", 2) + std::string("system_identifier\0", 18) + column) +
         backend_message('D', row) + backend_message('C', std::string("SELECT 1\0", 9)) +
         backend_message('Z', "I");
}

std::string error(const std::string& sqlstate) {
  return backend_message('1', "") +
         backend_message('E', "SERROR" + std::string(1, '\0') + "C" + sqlstate +
                                  std::string(1, '\0') + "Mno such thing" + std::string(2, '\0')) +
         backend_message('Z', "I");
}

class PrimaryQueryTest : public testing::Test {
 protected:
  runtime::Result<void> ask(PrimaryQuery& query) {
    seen.clear();
    return query.ask("SELECT $1", "ann", [this](std::span<const PrimaryQuery::Value> row) {
      for (const auto& [column, value] : row) {
        seen += format("{}={};", column, value.value_or("NULL"));
      }
      return runtime::Result<void>();
    });
  }
  PrimaryQuery::Options options(runtime::Duration timeout = 20s) const {
    return {.conninfo = server.conninfo(), .timeout = timeout};
  }

  ScriptedServer server;
  runtime::SystemClock clock;
  runtime::Doorbell doorbell;
  runtime::Published<bool> stop;
  std::string seen;
};

TEST_F(PrimaryQueryTest, EachRowIsGivenWithItsNulls) {
  server.answer(ready(), rows({"a", "bc"}));
  PrimaryQuery query(options(), clock, doorbell, stop);
  const auto asked = ask(query);
  ASSERT_TRUE(asked) << asked.error().what;
  EXPECT_EQ(seen, "name=a;none=NULL;name=bc;none=NULL;");
  EXPECT_TRUE(query.is_connected());
}

TEST_F(PrimaryQueryTest, AConnectionThatWasClosedIsMadeAnewOnce) {
  server.answer(ready(), rows({"a"}));
  PrimaryQuery query(options(), clock, doorbell, stop);
  ASSERT_TRUE(ask(query));
  server.finish();
  server.hang_up();
  server.answer(ready(), rows({"b"}));
  const auto asked = ask(query);
  ASSERT_TRUE(asked) << asked.error().what;
  EXPECT_EQ(seen, "name=b;none=NULL;");
}

TEST_F(PrimaryQueryTest, WhatTheServerRefusesIsNotWhatItDoesNotTakeForAValue) {
  for (const auto& [sqlstate, kind] :
       {std::pair("42501", &kUpstreamRefused), std::pair("22021", &kUpstreamValueRefused),
        std::pair("22P02", &kUpstreamValueRefused), std::pair("22003", &kUpstreamRowRefused),
        std::pair("21000", &kUpstreamRowRefused)}) {
    server.answer(ready(), error(sqlstate));
    PrimaryQuery query(options(), clock, doorbell, stop);
    const auto asked = ask(query);
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().kind, kind);
    EXPECT_EQ(asked.error().what, "no such thing");
    EXPECT_EQ(query.is_connected(), kind != &kUpstreamRefused);
  }
}

// libpq has a COPY begin again and again until it is ended, so an answer that is one had no end.
TEST_F(PrimaryQueryTest, AnAnswerThatBeginsACopyEndsTheQuestion) {
  for (const char copy : {'G', 'H', 'W'}) {  // in, out, both
    server.answer(ready(), backend_message('1', "") + backend_message('2', "") +
                               backend_message(copy, std::string(3, '\0')));
    PrimaryQuery query(options(), clock, doorbell, stop);
    const auto asked = ask(query);
    ASSERT_FALSE(asked) << copy;
    EXPECT_EQ(asked.error().kind, &kUpstreamRefused) << copy;
    EXPECT_EQ(asked.error().what, "the query returns no rows") << copy;
    EXPECT_FALSE(query.is_connected()) << copy;
  }
}

TEST_F(PrimaryQueryTest, ASilentServerHasItsTime) {
  // In front of the connection, and behind it.
  for (const std::string& said : {std::string(), ready()}) {
    server.answer(said);
    PrimaryQuery query(options(200ms), clock, doorbell, stop);
    const auto asked = ask(query);
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().kind, &kUpstreamLost);
    EXPECT_THAT(asked.error().what, HasSubstr("timeout expired"));
    EXPECT_FALSE(query.is_connected());
  }
}

TEST_F(PrimaryQueryTest, AHostThatIsSilentLeavesTimeForTheNextWhichIsAskedFirstFromThenOn) {
  ScriptedServer silent;
  PrimaryQuery query(
      {.conninfo = format("host=127.0.0.1,127.0.0.1 port={},{} user=u sslmode=disable"
                          " gssencmode=disable",
                          silent.port(), server.port()),
       .timeout = 2s},
      clock, doorbell, stop);
  server.answer(ready(), rows({"a"}));
  const auto first = ask(query);
  ASSERT_TRUE(first) << first.error().what;
  EXPECT_TRUE(silent.has_waiting());
  silent.answer("");
  silent.finish();
  query.disconnect();
  server.answer(ready(), rows({"b"}));
  const auto second = ask(query);
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_EQ(seen, "name=b;none=NULL;");
  EXPECT_FALSE(silent.has_waiting());
}

// What such a server has of roles would be let in here.
TEST_F(PrimaryQueryTest, AServerOfAnotherClusterIsAskedNothingElse) {
  server.answer(ready(), cluster("7000000000000000001"), rows({"a"}));
  PrimaryQuery::Options of_cluster = options();
  of_cluster.system_identifier = 7000000000000000002;
  PrimaryQuery query(of_cluster, clock, doorbell, stop);
  const auto asked = ask(query);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().kind, &kUpstreamLost);
  EXPECT_THAT(asked.error().what,
              HasSubstr("database system identifier differs between the primary and standby"));
  EXPECT_THAT(asked.error().what,
              HasSubstr(format("port={} is 7000000000000000001, the standby's identifier is "
                               "7000000000000000002",
                               server.port())));
  EXPECT_EQ(seen, "");
  EXPECT_FALSE(query.is_connected());
}

// An identifier is an unsigned number, and a bigint is not.
TEST_F(PrimaryQueryTest, AHostOfAnotherClusterLeavesTheNextToBeAsked) {
  ScriptedServer foreign;
  foreign.answer(ready(), cluster("7"), rows({"evil"}));
  server.answer(ready(), cluster("-2"), rows({"a"}));
  PrimaryQuery query(
      {.conninfo = format("host=127.0.0.1,127.0.0.1 port={},{} user=u sslmode=disable"
                          " gssencmode=disable",
                          foreign.port(), server.port()),
       .system_identifier = 0xffff'ffff'ffff'fffe,
       .timeout = 20s},
      clock, doorbell, stop);
  const auto asked = ask(query);
  ASSERT_TRUE(asked) << asked.error().what;
  EXPECT_EQ(seen, "name=a;none=NULL;");
}

TEST_F(PrimaryQueryTest, AServerThatMayNotSayOfWhichClusterItIsIsNotAsked) {
  server.answer(ready(), error("42501"), rows({"a"}));
  PrimaryQuery::Options of_cluster = options();
  of_cluster.system_identifier = 7;
  PrimaryQuery query(of_cluster, clock, doorbell, stop);
  const auto asked = ask(query);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().kind, &kUpstreamRefused);
  EXPECT_EQ(asked.error().what, "no such thing");
  EXPECT_FALSE(query.is_connected());
}

TEST_F(PrimaryQueryTest, ItsOwnerNeedNotWaitForASilentServer) {
  server.answer(ready());
  PrimaryQuery query(options(10min), clock, doorbell, stop);
  std::jthread stopper([this] {
    server.finish();
    stop.store(true);
    doorbell.ring();
  });
  const auto asked = ask(query);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().kind, &wire::kQueryCanceled);
}

TEST_F(PrimaryQueryTest, AnErrorHasNothingOfAPassword) {
  PrimaryQuery query({.conninfo = "host=/nowhere password=hunter2 user=u", .timeout = 5s}, clock,
                     doorbell, stop);
  const auto asked = ask(query);
  ASSERT_FALSE(asked);
  EXPECT_THAT(asked.error().what, HasSubstr("/nowhere"));
  EXPECT_THAT(asked.error().what, testing::Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace server::source
