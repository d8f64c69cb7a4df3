#include "server/auth/peer_name.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "server/auth/network.h"

namespace server::auth {
namespace {

TEST(PeerNameTest, TheLoopbackAddressHasANameThatHasIt) {
  const auto addresses = runtime::resolve("127.0.0.1", 5432);
  ASSERT_TRUE(addresses.has_value());
  const PeerName name = look_up_peer_name(addresses->front());
  if (name.state == PeerName::State::kNoName) GTEST_SKIP() << "this host does not name it";
  EXPECT_EQ(name.state, PeerName::State::kConfirmed);
  EXPECT_FALSE(name.name.empty());
  EXPECT_EQ(parse_numeric_address(name.name).address, std::nullopt) << "a name, not the address";
}

TEST(PeerNameTest, AUnixSocketHasNone) {
  runtime::SocketAddress address;
  address.storage.ss_family = AF_UNIX;
  EXPECT_EQ(look_up_peer_name(address).state, PeerName::State::kNoName);
}

}  // namespace
}  // namespace server::auth
