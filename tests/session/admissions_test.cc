#include "server/session/admissions.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/session/login_job.h"

namespace server::session {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Origin origin(const std::string& address) {
  runtime::SocketAddress peer;
  auto& v4 = reinterpret_cast<sockaddr_in&>(peer.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(peer.storage);
  if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    peer.storage.ss_family = AF_INET;
  } else if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    peer.storage.ss_family = AF_INET6;
  } else {
    peer.storage.ss_family = AF_UNIX;
  }
  return Origin(peer);
}

const Origin kHere = origin("192.0.2.1");
const Origin kThere = origin("192.0.2.2");

TEST(OriginTest, IsAnAddressOrANetworkOfIpv6OrTheUnixSockets) {
  EXPECT_EQ(kHere.text(), "192.0.2.1");
  EXPECT_EQ(origin("2001:db8:0:1::5").text(), "2001:db8:0:1::/64");
  EXPECT_EQ(origin("2001:db8:0:1::5"), origin("2001:db8:0:1:ffff::6"));
  EXPECT_NE(origin("2001:db8:0:1::5"), origin("2001:db8:0:2::5"));
  EXPECT_NE(kHere, kThere);
  EXPECT_EQ(origin("").text(), "[local]");
}

// The pool's jobs of one origin take turns with those of others by their number.
TEST(OriginTest, EachHasANumberOfItsOwn) {
  const std::set<std::uint64_t> numbers = {kHere.number(), kThere.number(), origin("").number(),
                                           origin("2001:db8:0:1::5").number(),
                                           origin("2001:db8:0:2::5").number()};
  EXPECT_EQ(numbers.size(), 5u);
  EXPECT_NE(origin("").number(), origin("::1").number());
  EXPECT_NE(origin("").number(), origin("::2").number());
  EXPECT_EQ(kHere.number(), origin("192.0.2.1").number());
  EXPECT_EQ(origin("2001:db8:0:1::5").number(), origin("2001:db8:0:1:ffff::6").number());
  const LoginJob job(nullptr, kThere, PeerQuestion());
  EXPECT_EQ(job.party(), kThere.number());
}

struct AdmissionsTest : testing::Test {
  Admissions& with(const Admissions::Limits& limits) { return made.emplace(limits); }
  // "" if the client is admitted; its place is kept.
  std::string come(Admissions& admissions, const Origin& from) {
    auto place = admissions.admit(from);
    if (!place) return place.error().what + "/" + place.error().detail;
    places.push_back(*std::move(place));
    return "";
  }

  std::optional<Admissions> made;
  std::vector<Admissions::Place> places;
};

TEST_F(AdmissionsTest, CountsAnAddressAndNotItsNeighbour) {
  Admissions& admissions = with({.per_address_max = 2});
  EXPECT_EQ(come(admissions, kHere), "");
  EXPECT_EQ(come(admissions, kHere), "");
  EXPECT_EQ(come(admissions, kHere), "too many connections from address \"192.0.2.1\"/");
  EXPECT_EQ(come(admissions, kThere), "");
  places.erase(places.begin());
  EXPECT_EQ(come(admissions, kHere), "");
}

TEST_F(AdmissionsTest, CountsAllConnections) {
  Admissions& admissions = with({.connections_max = 2});
  EXPECT_EQ(come(admissions, kHere), "");
  EXPECT_EQ(come(admissions, kThere), "");
  EXPECT_EQ(come(admissions, origin("::1")), "sorry, too many clients already/");
  places.clear();
  EXPECT_EQ(admissions.connections_for_test(), 0);
  EXPECT_EQ(come(admissions, kHere), "");
}

TEST_F(AdmissionsTest, AStartUpEndsWithTheLogin) {
  Admissions& admissions = with({.startups_max = 2, .startups_per_address_max = 1});
  EXPECT_EQ(come(admissions, kHere), "");
  EXPECT_EQ(come(admissions, kHere),
            "too many connections from address \"192.0.2.1\"/1 of them have not logged in yet.");
  ASSERT_TRUE(places.back().log_in("r", -1));
  EXPECT_EQ(admissions.startups_for_test(), 0);
  EXPECT_EQ(come(admissions, kHere), "");
  EXPECT_EQ(come(admissions, kThere), "");
  EXPECT_EQ(come(admissions, origin("192.0.2.3")),
            "sorry, too many clients already/2 of them have not logged in yet.");
  places.clear();
  EXPECT_EQ(admissions.startups_for_test(), 0);
}

TEST_F(AdmissionsTest, ARoleHasALimitOfItsOwnAndTheOneOfAll) {
  Admissions& admissions = with({.per_role_max = 2});
  for (int i = 0; i < 5; ++i) ASSERT_EQ(come(admissions, kHere), "");
  EXPECT_TRUE(places[0].log_in("few", 1));
  const auto refused = places[1].log_in("few", 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind->code, "53300");
  EXPECT_EQ(refused.error().what, "too many connections for role \"few\"");
  EXPECT_EQ(admissions.startups_for_test(), 4) << "the client that was refused has not logged in";
  EXPECT_TRUE(places[2].log_in("many", -1));
  EXPECT_TRUE(places[3].log_in("many", 100));
  EXPECT_FALSE(places[4].log_in("many", 100));
  places.erase(places.begin(), places.begin() + 1);
  EXPECT_TRUE(places[0].log_in("few", 1)) << "the other one is gone";
}

TEST_F(AdmissionsTest, ARoleMayHaveNoConnectionAtAll) {
  Admissions& admissions = with({});
  ASSERT_EQ(come(admissions, kHere), "");
  EXPECT_FALSE(places[0].log_in("none", 0));
}

TEST_F(AdmissionsTest, APlaceThatIsMovedIsCountedOnce) {
  Admissions& admissions = with({});
  ASSERT_EQ(come(admissions, kHere), "");
  {
    Admissions::Place moved = std::move(places[0]);
    places.clear();
    EXPECT_EQ(admissions.connections_for_test(), 1);
  }
  EXPECT_EQ(admissions.connections_for_test(), 0);
  EXPECT_TRUE(Admissions::Place().log_in("r", 0)) << "which is not counted";
}

TEST_F(AdmissionsTest, ManyFailuresOfAnAddressAreAnsweredLaterAndLater) {
  Admissions& admissions = with({.failure_delay = milliseconds(100)});
  runtime::Instant now{};
  std::vector<std::int64_t> delays;
  for (int i = 0; i < 12; ++i) {
    const runtime::Duration delay = admissions.on_failure(kHere, "a", now);
    delays.push_back(delay / milliseconds(1));
    now += delay;
  }
  EXPECT_EQ(delays,
            (std::vector<std::int64_t>{0, 0, 0, 100, 200, 400, 800, 1600, 3200, 6400, 6400, 6400}));
  EXPECT_EQ(admissions.on_failure(kThere, "a", now).count(), 0) << "others are not held up";
  admissions.on_success(kHere, "a");
  EXPECT_EQ(admissions.on_failure(kHere, "a", now).count(), 0);
}

TEST_F(AdmissionsTest, WhoHasOneRoleMayNotGuessAtAnotherTheFaster) {
  Admissions& admissions = with({.failure_delay = milliseconds(100)});
  const runtime::Instant now{};
  for (int i = 0; i < Admissions::kFailuresFree; ++i) admissions.on_failure(kHere, "a", now);
  admissions.on_success(kHere, "b");
  EXPECT_EQ(admissions.on_failure(kHere, "a", now), milliseconds(100));
  admissions.on_success(kHere, "a");
  for (const char* const role : {"b", "a", "a"}) admissions.on_failure(kHere, role, now);
  admissions.on_success(kHere, "b");
  EXPECT_EQ(admissions.on_failure(kHere, "a", now), milliseconds(100)) << "a has failed too";
}

TEST_F(AdmissionsTest, FailuresOfLongAgoAreForgotten) {
  Admissions& admissions = with({.failure_delay = milliseconds(100)});
  runtime::Instant now{};
  for (int i = 0; i < 10; ++i) admissions.on_failure(kHere, "a", now);
  now += Admissions::kForgottenAfter + seconds(1);
  EXPECT_EQ(admissions.on_failure(kHere, "a", now).count(), 0);
}

TEST_F(AdmissionsTest, WithoutADelayNoFailureWaits) {
  Admissions& admissions = with({});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(admissions.on_failure(kHere, "a", {}).count(), 0);
}

TEST_F(AdmissionsTest, CancelRequestsHaveARateForEachAddress) {
  Admissions& admissions = with({.cancels_per_second = 2});
  runtime::Instant now{seconds(10)};
  EXPECT_TRUE(admissions.may_cancel(kHere, now));
  EXPECT_TRUE(admissions.may_cancel(kHere, now));
  EXPECT_FALSE(admissions.may_cancel(kHere, now + milliseconds(999)));
  EXPECT_TRUE(admissions.may_cancel(kThere, now));
  EXPECT_TRUE(admissions.may_cancel(kHere, now + seconds(1)));
}

TEST_F(AdmissionsTest, AReloadCountsForThoseThatCome) {
  Admissions& admissions = with({});
  for (int i = 0; i < 3; ++i) ASSERT_EQ(come(admissions, kHere), "");
  admissions.set_limits({.per_address_max = 1});
  EXPECT_NE(come(admissions, kHere), "");
  EXPECT_EQ(admissions.connections_for_test(), 3);
}

TEST(OriginTableTest, ForgetsTheOneThatHasBeenQuietForTheLongest) {
  OriginTable<int> table;
  const auto nth = [](std::size_t i) {
    return origin("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256));
  };
  for (std::size_t i = 0; i < OriginTable<int>::kOriginsMax; ++i) {
    table.touch(nth(i)) = static_cast<int>(i);
  }
  table.touch(nth(0));
  table.touch(kHere) = -1;
  EXPECT_EQ(table.size(), OriginTable<int>::kOriginsMax);
  EXPECT_EQ(table.find(nth(1)), nullptr);
  ASSERT_NE(table.find(nth(0)), nullptr);
  EXPECT_EQ(*table.find(kHere), -1);
  table.forget(kHere);
  EXPECT_EQ(table.find(kHere), nullptr);
}

}  // namespace
}  // namespace server::session
