#include "server/auth/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/socket.h>

#include <string>

#include "runtime/check.h"

namespace server::auth {
namespace {

IpAddress ip(const std::string& text) {
  const NumericAddress numeric = parse_numeric_address(text);
  CHECK(numeric.address.has_value());
  return *numeric.address;
}

TEST(NetworkTest, ARangeHasWhatAgreesInTheBitsOfItsMask) {
  const AddressRange range{.address = ip("10.1.2.3"), .mask = ip("255.255.0.0")};
  EXPECT_TRUE(range.contains(ip("10.1.0.0")));
  EXPECT_TRUE(range.contains(ip("10.1.255.255")));
  EXPECT_FALSE(range.contains(ip("10.2.2.3")));
  const AddressRange odd{.address = ip("10.1.2.3"), .mask = ip("255.0.0.255")};
  EXPECT_TRUE(odd.contains(ip("10.99.99.3")));
  EXPECT_FALSE(odd.contains(ip("10.99.99.4")));
  const AddressRange all{.address = ip("1.2.3.4"), .mask = ip("0.0.0.0")};
  EXPECT_TRUE(all.contains(ip("255.255.255.255")));
}

TEST(NetworkTest, ARangeHasOneFamily) {
  const AddressRange v4{.address = ip("10.0.0.0"), .mask = ip("255.0.0.0")};
  EXPECT_FALSE(v4.contains(ip("::ffff:10.1.2.3")));
  const AddressRange mapped{.address = ip("::ffff:10.0.0.0"),
                            .mask = *parse_mask_bits("104", AF_INET6)};
  EXPECT_TRUE(mapped.contains(ip("::ffff:10.1.2.3")));
  EXPECT_FALSE(mapped.contains(ip("::ffff:11.1.2.3")));
  EXPECT_FALSE(mapped.contains(ip("10.1.2.3")));
  const AddressRange any{.address = ip("::"), .mask = ip("::")};
  EXPECT_TRUE(any.contains(ip("2001:db8::1")));
  EXPECT_FALSE(any.contains(ip("0.0.0.0")));
}

TEST(NetworkTest, CountsTheBitsOfAMask) {
  EXPECT_EQ(parse_mask_bits("0", AF_INET)->text(), "0.0.0.0");
  EXPECT_EQ(parse_mask_bits("9", AF_INET)->text(), "255.128.0.0");
  EXPECT_EQ(parse_mask_bits("32", AF_INET)->text(), "255.255.255.255");
  EXPECT_EQ(parse_mask_bits("33", AF_INET), std::nullopt);
  EXPECT_EQ(parse_mask_bits("0", AF_INET6)->text(), "::");
  EXPECT_EQ(parse_mask_bits("61", AF_INET6)->text(), "ffff:ffff:ffff:fff8::");
  EXPECT_EQ(parse_mask_bits("128", AF_INET6), full_mask(AF_INET6));
  EXPECT_EQ(parse_mask_bits("129", AF_INET6), std::nullopt);
  for (const char* text : {"", " ", "-1", "8x", "x", "8 ", "99999999999999999999", "0x8"}) {
    EXPECT_EQ(parse_mask_bits(text, AF_INET), std::nullopt) << text;
  }
}

TEST(NetworkTest, ANameIsNoAddress) {
  for (const char* text : {"", "localhost", "10.0.0.256", "10.0.0.1 ", "[::1]", "::g"}) {
    const NumericAddress numeric = parse_numeric_address(text);
    EXPECT_FALSE(numeric.address.has_value()) << text;
    EXPECT_EQ(numeric.gai_error, EAI_NONAME) << text;
  }
  EXPECT_EQ(ip("127.1").text(), "127.0.0.1");
  EXPECT_EQ(ip("::FFFF:0102:0304").text(), "::ffff:1.2.3.4");
}

TEST(NetworkTest, AUnixSocketHasNoAddress) {
  runtime::SocketAddress address;
  address.storage.ss_family = AF_UNIX;
  EXPECT_EQ(ip_address_of(address), std::nullopt);
}

TEST(NetworkTest, ThisHostHasTheLoopbackNetwork) {
  const auto networks = own_networks();
  ASSERT_TRUE(networks.has_value());
  const auto has = [&](const std::string& address) {
    return std::any_of(networks->begin(), networks->end(),
                       [&](const AddressRange& network) { return network.contains(ip(address)); });
  };
  EXPECT_TRUE(has("127.0.0.1"));
  EXPECT_TRUE(has("127.9.9.9")) << "its mask has eight bits";
  for (const AddressRange& network : *networks) {
    EXPECT_NE(network.mask.bytes, IpAddress{}.bytes) << "every address would be of the network";
    EXPECT_EQ(network.mask.family, network.address.family);
  }
}

}  // namespace
}  // namespace server::auth
