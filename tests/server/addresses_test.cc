#include "server/addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>

#include "runtime/errors.h"
#include "tests/support/logged.h"

namespace server {
namespace {

using runtime::SocketAddress;
using testing::ElementsAre;
using testing::HasSubstr;
using Hosts = std::vector<std::string>;

// A host that lacks what `sys_errno` says of all addresses of IPv6.
struct AddressesTest : testing::Test {
  runtime::Result<std::vector<SocketAddress>> find(const Hosts& hosts) {
    runtime::Result<std::vector<SocketAddress>> found = std::vector<SocketAddress>();
    log = tests::logged([&] {
      found = find_listen_addresses(hosts, 5433, reach, [this](const SocketAddress& address) {
        EXPECT_EQ(address.port(), 0);
        if (address.storage.ss_family != AF_INET6) return runtime::Result<void>();
        return runtime::Result<void>(runtime::system_error(sys_errno, "could not"));
      });
    });
    return found;
  }
  static std::vector<std::string> texts(const std::vector<SocketAddress>& addresses) {
    std::vector<std::string> all;
    for (const SocketAddress& address : addresses) all.push_back(address.text());
    return all;
  }

  Reach reach = Reach::kThisHost;
  int sys_errno = EADDRNOTAVAIL;
  std::string log;
};

TEST_F(AddressesTest, OneThatIsNotThereIsLeftOut) {
  EXPECT_THAT(texts(find({"::1", "127.0.0.1"}).value()), ElementsAre("127.0.0.1:5433"));
  EXPECT_THAT(log, HasSubstr("LOG:  could not bind IPv6 address \"::1\": Cannot assign requested "
                             "address\n"));
  EXPECT_THAT(log, HasSubstr("WARNING:  could not create listen socket for \"::1\"\n"));
  sys_errno = EAFNOSUPPORT;
  EXPECT_THAT(texts(find({"127.0.0.2", "::1"}).value()), ElementsAre("127.0.0.2:5433"));
  EXPECT_THAT(log, HasSubstr("LOG:  could not create IPv6 socket for address \"::1\": Address "
                             "family not supported by protocol\n"));
}

TEST_F(AddressesTest, OneMustBeThere) {
  const auto found = find({"::1"});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().what, "could not create any TCP/IP sockets");
}

TEST_F(AddressesTest, OfOtherErrorsTheListenerTells) {
  sys_errno = EADDRINUSE;
  EXPECT_THAT(texts(find({"::1"}).value()), ElementsAre("[::1]:5433"));
  EXPECT_EQ(log, "");
}

TEST_F(AddressesTest, EachIsTakenOnce) {
  EXPECT_THAT(texts(find({"127.0.0.1", "127.0.0.2", "127.0.0.1"}).value()),
              ElementsAre("127.0.0.1:5433", "127.0.0.2:5433"));
}

TEST_F(AddressesTest, OthersThanLoopbackAreRefused) {
  const auto found = find({"127.0.0.1", "0.0.0.0"});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().what, "will not listen on \"0.0.0.0\" without authentication");
}

}  // namespace
}  // namespace server
