#include "bench/walbench/source_address.h"

#include <gtest/gtest.h>

#include "runtime/socket.h"

namespace bench::walbench {
namespace {

runtime::SocketAddress address_of(const char* host) {
  return runtime::resolve(host, 5432).value().front();
}

TEST(SourceAddressTest, SoManyStandbysShareAnAddressOfThisHost) {
  const auto server = address_of("127.0.0.1");
  EXPECT_FALSE(source_address(0, server).has_value());
  EXPECT_FALSE(source_address(kStandbysPerAddress - 1, server).has_value());
  EXPECT_EQ(source_address(kStandbysPerAddress, server)->host(), "127.0.0.2");
  EXPECT_EQ(source_address(2 * kStandbysPerAddress - 1, server)->host(), "127.0.0.2");
  EXPECT_EQ(source_address(300 * kStandbysPerAddress, server)->host(), "127.0.1.45");
}

TEST(SourceAddressTest, AServerElsewhereIsReachedFromWhereTheKernelSays) {
  EXPECT_FALSE(source_address(kStandbysPerAddress, address_of("192.0.2.1")).has_value());
  EXPECT_FALSE(source_address(kStandbysPerAddress, address_of("::1")).has_value());
}

TEST(SourceAddressTest, AConnectionComesFromTheAddressThatItIsGiven) {
  auto any = address_of("127.0.0.1");
  any.set_port(0);
  const auto listener = runtime::listen_on(any, 1);
  ASSERT_TRUE(listener.has_value());
  const auto server = runtime::local_address(listener->get());
  const auto connected = connect_from(*source_address(kStandbysPerAddress, server), server);
  ASSERT_TRUE(connected.has_value());
  EXPECT_EQ(runtime::local_address(connected->get()).host(), "127.0.0.2");
}

}  // namespace
}  // namespace bench::walbench
