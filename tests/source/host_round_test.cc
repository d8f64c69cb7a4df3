#include "server/source/host_round.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "server/source/errors.h"

namespace server::source {
namespace {

using Names = std::vector<std::string>;

struct HostRoundTest : ::testing::Test {
  HostRoundTest() {
    conninfo.hosts = {{"a", "", "1"}, {"b", "", "1"}};
    conninfo.session_attrs = {"any"};
  }
  // The attempt as "ADDRESS ATTRIBUTE"; "over" if there is none.
  std::string next(HostRound& round) {
    const auto attempt = round.next([this](const Host& host) -> runtime::Result<std::vector<Host>> {
      looked_up.push_back(host.name);
      std::vector<Host> hosts;
      for (const std::string& address : addresses[host.name]) {
        hosts.push_back({host.name, address, host.port});
      }
      return hosts;
    });
    EXPECT_TRUE(attempt);
    return *attempt ? (*attempt)->host.address + " " + (*attempt)->session_attrs : "over";
  }

  Conninfo conninfo;
  std::map<std::string, Names> addresses{{"a", {"a1", "a2"}}, {"b", {"b1"}}};
  Names looked_up;
};

TEST_F(HostRoundTest, EachAddressIsTriedOnceAndANameIsLookedUpWhenItsTurnComes) {
  HostRound round(conninfo);
  EXPECT_EQ(next(round), "a1 any");
  EXPECT_EQ(looked_up, Names{"a"});
  EXPECT_EQ(next(round), "a2 any");
  EXPECT_FALSE(round.is_over());
  EXPECT_EQ(next(round), "b1 any");
  EXPECT_TRUE(round.is_over());
  EXPECT_EQ(next(round), "over");
  EXPECT_EQ(next(round), "over");
  EXPECT_EQ(looked_up, (Names{"a", "b"}));
}

TEST_F(HostRoundTest, AHostWithoutAnAddressIsPassedOver) {
  addresses["a"] = {};
  HostRound round(conninfo);
  EXPECT_EQ(next(round), "b1 any");
}

TEST_F(HostRoundTest, AHostThatHasAnsweredIsNotTriedInTheSecondPass) {
  conninfo.session_attrs = {"standby", "any"};
  HostRound round(conninfo);
  EXPECT_EQ(next(round), "a1 standby");
  EXPECT_EQ(next(round), "a2 standby");
  round.note_answer();
  EXPECT_EQ(next(round), "b1 standby");
  EXPECT_FALSE(round.is_over());
  EXPECT_EQ(next(round), "a1 any");
  EXPECT_EQ(next(round), "b1 any");
  EXPECT_EQ(next(round), "over");
}

TEST_F(HostRoundTest, OneHostWithSeveralAddressesLeavesOthersToBeTried) {
  conninfo.hosts.resize(1);
  HostRound round(conninfo);
  EXPECT_FALSE(round.has_several());
  next(round);
  EXPECT_TRUE(round.has_several());
}

TEST_F(HostRoundTest, TheFailuresAreALineEachAndWhatRepeatsIsSaidOnce) {
  HostRound round(conninfo);
  EXPECT_EQ(round.failures(), "");
  for (const char* what : {"no", "no", "never", "no"}) round.note_failure(what);
  EXPECT_EQ(round.failures(), "no\nnever\nno");
}

TEST_F(HostRoundTest, AnErrorOfTheLookupEndsIt) {
  HostRound round(conninfo);
  const auto attempt = round.next([](const Host&) -> runtime::Result<std::vector<Host>> {
    return runtime::Error{.kind = &kUpstreamLost, .what = "stop"};
  });
  ASSERT_FALSE(attempt);
  EXPECT_EQ(attempt.error().what, "stop");
}

TEST_F(HostRoundTest, ARoundWithoutAConninfoIsOver) {
  HostRound round;
  EXPECT_TRUE(round.is_over());
  EXPECT_EQ(next(round), "over");
}

}  // namespace
}  // namespace server::source
