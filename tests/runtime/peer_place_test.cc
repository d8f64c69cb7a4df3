#include "runtime/peer_place.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <utility>

#include "runtime/fd.h"
#include "runtime/routes.h"
#include "tests/runtime/loopback.h"
#include "tests/support/socket_pair.h"

namespace tests {

using runtime::find_peer_place;
using runtime::find_place;
using runtime::PeerPlace;
using runtime::SocketAddress;

namespace {

SocketAddress address_of(const std::string& host, std::uint16_t port = 5433) {
  return runtime::resolve(host, port).value().front();
}

TEST(PeerPlaceTest, LoopbackAndUnixSocketsAreHere) {
  const tests::Loopback pair;
  EXPECT_EQ(find_peer_place(pair.there()), PeerPlace::kHere);
  EXPECT_EQ(find_peer_place(SocketPair().ours.get()), PeerPlace::kHere);
  EXPECT_EQ(find_place(address_of("::1")), PeerPlace::kHere);
}

TEST(PeerPlaceTest, WhatIsNoConnectionCountsAsNear) {
  EXPECT_EQ(find_peer_place(-1), PeerPlace::kNear);
  EXPECT_EQ(find_peer_place(runtime::UniqueFd(::socket(AF_INET, SOCK_STREAM, 0)).get()),
            PeerPlace::kNear);
}

// A network namespace of this thread's own, with devices that `ip` makes.
struct PeerPlaceInNamespaceTest : ::testing::Test {
  void SetUp() override {
    before = runtime::UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!before || ::unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "no namespaces without root";
    if (!ip("link set lo up")) GTEST_SKIP() << "no iproute2";
  }
  void TearDown() override {
    if (before) ::setns(before.get(), CLONE_NEWNET);
  }

  static bool ip(const std::string& command) {
    return std::system(("ip " + command + " 2>/dev/null").c_str()) == 0;
  }
  // A device that leads to 10.NET.0.0/16 and fd0NET::/32. The kernel adds the routes of IPv6 a
  // moment after the device is up.
  static bool lead(const std::string& device, int net) {
    const std::string number = std::to_string(net);
    const bool is_up = ip("address add 10." + number + ".0.1/16 dev " + device) &&
                       ip("-6 address add fd0" + number + "::1/32 nodad dev " + device) &&
                       ip("link set " + device + " up");
    const SocketAddress own = address_of("fd0" + number + "::1");
    const SocketAddress other = address_of("fd0" + number + "::2");
    constexpr int kLooksMax = 100'000;
    for (int i = 0; is_up && i < kLooksMax; ++i) {
      if (find_place(own) == PeerPlace::kHere && runtime::find_route(other).has_value()) break;
      std::this_thread::yield();
    }
    return is_up;
  }

  runtime::UniqueFd before;
};

TEST_F(PeerPlaceInNamespaceTest, EveryAddressOfThisHostIsHereAlsoOneThatIsAddedLater) {
  ASSERT_TRUE(ip("link add v0 type veth peer name v1") && lead("v0", 1));
  EXPECT_EQ(find_place(address_of("10.1.0.1")), PeerPlace::kHere);
  EXPECT_EQ(find_place(address_of("fd01::1")), PeerPlace::kHere);
  EXPECT_EQ(find_place(address_of("10.1.0.2")), PeerPlace::kNear);
  ASSERT_TRUE(ip("address add 10.1.0.2/16 dev v0"));
  EXPECT_EQ(find_place(address_of("10.1.0.2")), PeerPlace::kHere);
  ASSERT_TRUE(ip("address del 10.1.0.2/16 dev v0"));
  EXPECT_EQ(find_place(address_of("10.1.0.2")), PeerPlace::kNear);
}

TEST_F(PeerPlaceInNamespaceTest, AddressesOfOthersThatAProcessMayBindAreNotThisHosts) {
  ASSERT_TRUE(ip("tuntap add mode tun name t0") && lead("t0", 1));
  if (std::system("echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind") != 0)
    GTEST_SKIP() << "/proc/sys is read-only here";
  EXPECT_EQ(find_place(address_of("10.1.0.2")), PeerPlace::kAway);
}

TEST_F(PeerPlaceInNamespaceTest, WhereNoWayLeadsCountsAsNear) {
  EXPECT_EQ(find_place(address_of("10.1.0.2")), PeerPlace::kNear);
  ASSERT_TRUE(ip("route add blackhole 10.1.0.0/16"));
  EXPECT_EQ(find_place(address_of("10.1.0.2")), PeerPlace::kNear);
}

TEST_F(PeerPlaceInNamespaceTest, WhatAProgramCarriesGoesAway) {
  ASSERT_TRUE(ip("tuntap add mode tun name t0") && lead("t0", 1));
  ASSERT_TRUE(ip("tuntap add mode tap name t1") && lead("t1", 2));
  for (const char* host : {"10.1.0.2", "fd01::2", "10.2.0.2", "fd02::2"}) {
    EXPECT_EQ(find_place(address_of(host)), PeerPlace::kAway) << host;
  }
  ASSERT_TRUE(ip("route add default via 10.1.0.9"));
  EXPECT_EQ(find_place(address_of("192.0.2.1")), PeerPlace::kAway);
}

TEST_F(PeerPlaceInNamespaceTest, TheOtherSideOfAPairMayBeInThisKernel) {
  ASSERT_TRUE(ip("link add v0 type veth peer name v1") && lead("v0", 1));
  EXPECT_EQ(find_place(address_of("10.1.0.2")), PeerPlace::kNear);
  EXPECT_EQ(find_place(address_of("fd01::2")), PeerPlace::kNear);
  ASSERT_TRUE(ip("route add default via 10.1.0.9"));  // as a container has it
  EXPECT_EQ(find_place(address_of("192.0.2.1")), PeerPlace::kNear);
}

TEST_F(PeerPlaceInNamespaceTest, AVlanLeadsWhereItsDeviceDoes) {
  ASSERT_TRUE(ip("tuntap add mode tap name t0") && ip("link add v0 type veth peer name v1"));
  if (!ip("link add link t0 name t0.5 type vlan id 5")) GTEST_SKIP() << "no VLANs here";
  ASSERT_TRUE(lead("t0.5", 1) && ip("link add link v0 name v0.5 type vlan id 5"));
  ASSERT_TRUE(lead("v0.5", 2) && ip("link set t0 up") && ip("link set v0 up"));
  EXPECT_EQ(find_place(address_of("10.1.0.2")), PeerPlace::kAway);
  EXPECT_EQ(find_place(address_of("10.2.0.2")), PeerPlace::kNear);
}

TEST_F(PeerPlaceInNamespaceTest, OfWhatJoinsSeveralNothingIsKnown) {
  ASSERT_TRUE(ip("tuntap add mode tap name t0"));
  if (!ip("link add b0 type bridge")) GTEST_SKIP() << "no bridges here";
  ASSERT_TRUE(ip("link set t0 master b0") && lead("b0", 1));
  EXPECT_EQ(find_place(address_of("10.1.0.2")), PeerPlace::kNear);
}

TEST_F(PeerPlaceInNamespaceTest, ASocketThatIsBoundToADeviceGoesItsWay) {
  ASSERT_TRUE(ip("tuntap add mode tun name t0") && lead("t0", 1));
  ASSERT_TRUE(ip("link add v0 type veth peer name v1") && lead("v0", 2));
  ASSERT_TRUE(ip("route add 192.0.2.0/24 dev t0") && ip("route add 192.0.2.0/24 dev v0 metric 99"));
  const SocketAddress peer = address_of("192.0.2.1");
  EXPECT_EQ(find_place(peer), PeerPlace::kAway);
  const auto way = runtime::find_route(address_of("10.2.0.2"));
  ASSERT_TRUE(way.has_value());
  EXPECT_EQ(find_place(peer, {.bound_to = way->device}), PeerPlace::kNear);
}

// As hosts with two uplinks, or with a network of containers, have it: rules decide by more than
// the peer's address, and a preferred source is only that of sockets which have none yet.
struct PeerPlaceByRuleTest : PeerPlaceInNamespaceTest {
  void SetUp() override {
    PeerPlaceInNamespaceTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_TRUE(ip("tuntap add mode tun name t0") && lead("t0", 1));
    ASSERT_TRUE(ip("link add v0 type veth peer name v1") && lead("v0", 2));
    ASSERT_TRUE(ip("route add default dev t0 src 10.1.0.1") &&
                ip("route add default dev v0 src 10.2.0.1 table 100"));
    ASSERT_TRUE(ip("-6 route add default dev t0 src fd01::1") &&
                ip("-6 route add default dev v0 src fd02::1 table 100"));
  }
  // The place of a peer, for a socket that has this address.
  static PeerPlace from(const std::string& own, const std::string& peer) {
    return find_place(address_of(peer), {.address = address_of(own)});
  }
};

TEST_F(PeerPlaceByRuleTest, TheWayIsThatOfTheSocketsOwnAddress) {
  if (!ip("rule add from 10.2.0.1 lookup 100") || !ip("-6 rule add from fd02::1 lookup 100")) {
    GTEST_SKIP() << "no rules here";
  }
  EXPECT_EQ(from("10.1.0.1", "192.0.2.1"), PeerPlace::kAway);
  EXPECT_EQ(from("10.2.0.1", "192.0.2.1"), PeerPlace::kNear);
  EXPECT_EQ(from("fd01::1", "2001:db8::1"), PeerPlace::kAway);
  EXPECT_EQ(from("fd02::1", "2001:db8::1"), PeerPlace::kNear);
  EXPECT_EQ(from("10.3.0.1", "192.0.2.1"), PeerPlace::kNear) << "an address that it has no more";
  EXPECT_EQ(from("10.1.0.1", "10.2.0.1"), PeerPlace::kHere);
}

TEST_F(PeerPlaceByRuleTest, APreferredSourceDoesNotMatterToASocketThatHasAnAddress) {
  EXPECT_EQ(from("10.2.0.1", "192.0.2.1"), PeerPlace::kAway);
  EXPECT_EQ(from("fd02::1", "2001:db8::1"), PeerPlace::kAway);
}

TEST_F(PeerPlaceByRuleTest, ASocketIsAskedForItsOwnAddress) {
  if (!ip("rule add from 10.2.0.1 lookup 100")) GTEST_SKIP() << "no rules here";
  // Of UDP, which connects without a peer that answers.
  for (const auto& [own, place] :
       {std::pair("10.1.0.1", PeerPlace::kAway), std::pair("10.2.0.1", PeerPlace::kNear)}) {
    for (const int family : {AF_INET, AF_INET6}) {
      const std::string mapped = family == AF_INET ? "" : "::ffff:";
      const runtime::UniqueFd socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      const SocketAddress here = address_of(mapped + own, 0);
      const SocketAddress peer = address_of(mapped + "192.0.2.1");
      ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&here.storage), here.size),
                0);
      ASSERT_EQ(
          ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&peer.storage), peer.size), 0);
      EXPECT_EQ(find_peer_place(socket.get()), place) << mapped << own;
    }
  }
}

TEST_F(PeerPlaceByRuleTest, TheWayMayDependOnPortsAndMarks) {
  if (!ip("rule add ipproto tcp sport 5433 lookup 100") || !ip("rule add fwmark 7 lookup 100")) {
    GTEST_SKIP() << "no such rules here";
  }
  const SocketAddress peer = address_of("192.0.2.1", 40'000);
  const SocketAddress own = address_of("10.1.0.1", 5432);
  EXPECT_EQ(find_place(peer, {.address = own}), PeerPlace::kAway);
  EXPECT_EQ(find_place(peer, {.address = address_of("10.1.0.1", 5433)}), PeerPlace::kNear);
  EXPECT_EQ(find_place(peer, {.address = own, .mark = 7}), PeerPlace::kNear);
}

TEST_F(PeerPlaceInNamespaceTest, DevicesAreKnownByKind) {
  ASSERT_TRUE(ip("link add v0 type veth peer name v1") && lead("v0", 1));
  const auto veth = runtime::find_device(runtime::find_route(address_of("10.1.0.2"))->device);
  ASSERT_TRUE(veth.has_value());
  EXPECT_EQ(veth->kind, "veth");
  EXPECT_FALSE(veth->is_loopback);
  const auto loopback = runtime::find_device(1);
  ASSERT_TRUE(loopback.has_value());
  EXPECT_TRUE(loopback->is_loopback);
  EXPECT_EQ(loopback->kind, "");
  EXPECT_FALSE(runtime::find_device(4711).has_value());
}

}  // namespace

}  // namespace tests
