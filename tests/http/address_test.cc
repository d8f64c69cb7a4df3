#include "server/http/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/http/own_host.h"
#include "server/http/page.h"

namespace server::http {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(AddressTest, IsAHostAndAPort) {
  EXPECT_EQ(*parse_address("127.0.0.1:9187"), (Address{"127.0.0.1", 9187}));
  EXPECT_EQ(*parse_address("[::1]:0"), (Address{"::1", 0}));
  EXPECT_EQ(*parse_address("*:65535"), (Address{"*", 65535}));
  EXPECT_EQ(parse_address("[::1]:80")->text(), "[::1]:80");
  EXPECT_EQ(parse_address("a.example:80")->text(), "a.example:80");
}

TEST(AddressTest, WhatIsNoneIsRefused) {
  for (const char* text : {"", ":", "9187", ":9187", "a:", "a:x", "a:65536", "a:-1", "::1:80",
                           "[::1]", "[a]:80", "a:80 "}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
}

TEST(AddressTest, OnlyTheLoopbackNetworkIsClosed) {
  for (const char* text : {"127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "localhost:1"}) {
    EXPECT_TRUE(parse_address(text)->is_loopback()) << text;
  }
  for (const char* text : {"*:1", "0.0.0.0:1", "10.0.0.1:1", "[::]:1", "localhost.example:1"}) {
    EXPECT_FALSE(parse_address(text)->is_loopback()) << text;
  }
}

TEST(OwnHostTest, AnAddressOrLocalhostIsThisMachines) {
  for (const char* host :
       {"127.0.0.1", "127.0.0.1:9187", "10.0.0.5:80", "localhost", "[::1]:9187"}) {
    EXPECT_TRUE(is_own_host(host)) << host;
  }
  for (const char* host : {"", "evil.example", "evil.example:9187", "127.0.0.1.evil.example",
                           "localhost.evil.example", "[::1", "[evil]:80"}) {
    EXPECT_FALSE(is_own_host(host)) << host;
  }
}

TEST(PageTest, IsWholeAndAsksForNothingFromElsewhere) {
  EXPECT_THAT(std::string(page()), HasSubstr("<title>walcast</title>"));
  EXPECT_THAT(std::string(page()), HasSubstr("new EventSource(\"events\")"));
  EXPECT_THAT(std::string(page()), HasSubstr("--accent"));
  for (const char* outside : {"http://", "https://", "@SCRIPT@", "@STYLES@"}) {
    EXPECT_THAT(std::string(page()), Not(HasSubstr(outside)));
  }
}

// The digest of "x", as sha256sum has it, in base64.
TEST(PageTest, ItsPolicyNamesWhatStandsInIt) {
  const std::string policy = page_policy("<style>x</style><script>x</script><script>y</script>");
  const std::string of_x = "'sha256-LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE='";
  EXPECT_THAT(policy, HasSubstr("style-src " + of_x));
  EXPECT_THAT(policy, HasSubstr("script-src " + of_x + " 'sha256-"));
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
}

}  // namespace
}  // namespace server::http
