#include "server/source/name_lookup.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "runtime/counters.h"
#include "runtime/thread.h"
#include "server/source/errors.h"
#include "server/wire/errors.h"
#include "tests/support/no_descriptors.h"
#include "tests/support/no_threads.h"

namespace server::source {
namespace {

using Hosts = std::vector<Host>;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A name server that answers when the test says so. A lookup is left behind, so this is too.
struct Gate {
  std::promise<void> opened;
  std::shared_future<void> is_open{opened.get_future()};
  runtime::Gauge lookups;
};
// Of this test, and of those before it: a thread may still wait at one.
Gate* gate = nullptr;
std::vector<Gate*>& gates = *new std::vector<Gate*>;

runtime::Result<std::vector<std::string>> two_behind_the_gate(const std::string& /*name*/) {
  Gate& mine = *gate;
  mine.lookups.add(1);
  mine.is_open.wait();
  return std::vector<std::string>{"10.0.0.1", "10.0.0.2"};
}

struct NameLookupTest : ::testing::Test {
  NameLookupTest() { gate = gates.emplace_back(new Gate); }

  runtime::SystemClock clock;
  runtime::Doorbell doorbell;
  runtime::Published<bool> stop;
  InterruptibleWait wait{doorbell, stop};
};

TEST_F(NameLookupTest, OnlyANameIsLookedUp) {
  NameLookup names(clock, wait, two_behind_the_gate);
  for (const Host& host :
       Hosts{{"", "", "1"}, {"/run", "", "1"}, {"@walcast", "", "1"}, {"localhost", "::1", "1"}}) {
    const auto addresses = names.addresses_of(host, seconds(10));
    ASSERT_TRUE(addresses) << host.name;
    EXPECT_EQ(*addresses, Hosts{host}) << host.name;
  }
  EXPECT_EQ(gate->lookups.get(), 0);
}

TEST_F(NameLookupTest, EachAddressIsAHost) {
  gate->opened.set_value();
  NameLookup names(clock, wait, two_behind_the_gate);
  const auto addresses = names.addresses_of({"db", "", "1"}, seconds(10));
  ASSERT_TRUE(addresses);
  EXPECT_EQ(*addresses, (Hosts{{"db", "10.0.0.1", "1"}, {"db", "10.0.0.2", "1"}}));
}

TEST_F(NameLookupTest, ANumberIsItsOwnAddress) {
  NameLookup names(clock, wait);
  const auto addresses = names.addresses_of({"127.0.0.1", "", "1"}, seconds(10));
  ASSERT_TRUE(addresses);
  EXPECT_EQ(*addresses, (Hosts{{"127.0.0.1", "127.0.0.1", "1"}}));
}

TEST_F(NameLookupTest, AnUnknownNameIsRefusedInLibpqsWords) {
  NameLookup names(clock, wait);
  const auto addresses = names.addresses_of({"no such name", "", "1"}, seconds(60));
  ASSERT_FALSE(addresses);
  EXPECT_EQ(addresses.error().kind, &kUpstreamLost);
  EXPECT_TRUE(addresses.error().what.starts_with(
      "could not translate host name \"no such name\" to address: "))
      << addresses.error().what;
}

TEST_F(NameLookupTest, AStopDoesNotWaitForTheNameServer) {
  NameLookup names(clock, wait, two_behind_the_gate);
  runtime::NamedThread stopper("stopper", [this](memctx::Context&) {
    while (gate->lookups.get() == 0) std::this_thread::yield();
    stop.store(true);
    doorbell.ring();
  });
  const auto addresses = names.addresses_of({"db", "", "1"}, {});
  ASSERT_FALSE(addresses);
  EXPECT_EQ(addresses.error().kind, &wire::kQueryCanceled);
}

TEST_F(NameLookupTest, ANameServerThatHangsKeepsOneThreadAndIsHeardLater) {
  NameLookup names(clock, wait, two_behind_the_gate);
  for (int i = 0; i < 3; ++i) {
    const auto late = names.addresses_of({"db", "", "1"}, milliseconds(1));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().what,
              "could not translate host name \"db\" to address: timeout expired");
  }
  gate->opened.set_value();
  const auto addresses = names.addresses_of({"db", "", "1"}, seconds(10));
  ASSERT_TRUE(addresses);
  EXPECT_EQ(addresses->size(), 2u);
  EXPECT_EQ(gate->lookups.get(), 1);
}

// The next round asks anew, and has the name then.
TEST_F(NameLookupTest, WithoutADescriptorANameIsNotFoundForNow) {
  if (!tests::NoDescriptors::kPossible) GTEST_SKIP() << "the sanitizers need descriptors";
  gate->opened.set_value();
  NameLookup names(clock, wait, two_behind_the_gate);
  {
    const tests::NoDescriptors none;
    const auto addresses = names.addresses_of({"db", "", "1"}, seconds(10));
    ASSERT_FALSE(addresses);
    EXPECT_EQ(addresses.error().kind, &kUpstreamLost);
    EXPECT_EQ(addresses.error().what,
              "could not translate host name \"db\" to address: Too many open files");
  }
  EXPECT_EQ(gate->lookups.get(), 0);
  EXPECT_TRUE(names.addresses_of({"db", "", "1"}, seconds(10)));
}

// The error was one of the system's, for which a question to the primary did not try other hosts.
TEST_F(NameLookupTest, WithoutAThreadANameIsNotFoundForNow) {
  gate->opened.set_value();
  NameLookup names(clock, wait, two_behind_the_gate);
  {
    const tests::NoThreads none;
    const auto addresses = names.addresses_of({"db", "", "1"}, seconds(10));
    ASSERT_FALSE(addresses);
    EXPECT_EQ(addresses.error().kind, &kUpstreamLost);
    EXPECT_EQ(addresses.error().what,
              "could not translate host name \"db\" to address: could not create thread "
              "\"lookup\": Resource temporarily unavailable");
  }
  EXPECT_EQ(gate->lookups.get(), 0);
  EXPECT_TRUE(names.addresses_of({"db", "", "1"}, seconds(10)));
}

}  // namespace
}  // namespace server::source
