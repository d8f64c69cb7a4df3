#include "server/auth/host_networks.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include "runtime/errors.h"
#include "tests/support/logged.h"

namespace server::auth {
namespace {

using std::chrono::milliseconds;

AddressRange range_of(std::uint8_t last) {
  return {.address = {.family = AF_INET, .bytes = {10, 0, 0, last}}, .mask = full_mask(AF_INET)};
}

struct HostNetworksTest : testing::Test {
  runtime::Result<Networks> read() {
    ++questions;
    clock.advance(milliseconds(2));
    if (fails) return runtime::Error{.kind = &runtime::kInternal, .what = "no networks"};
    return Networks{range_of(host)};
  }
  // The last byte of the only address.
  std::optional<std::uint8_t> found() {
    const auto known = networks.now();
    if (known->empty()) return std::nullopt;
    EXPECT_EQ(known->size(), 1u);
    return known->front().address.bytes[3];
  }

  runtime::FakeClock clock;
  std::uint8_t host = 1;
  bool fails = false;
  int questions = 0;
  HostNetworks networks{clock, [this] { return read(); }};
};

TEST_F(HostNetworksTest, AnAddressThatComesIsSeenWithoutAReload) {
  EXPECT_EQ(found(), 1);
  host = 2;
  clock.advance(milliseconds(200));
  EXPECT_EQ(found(), 2);
}

// A question that takes long must not be asked for every stranger who connects.
TEST_F(HostNetworksTest, QuestionsTakeASmallPartOfTheTime) {
  EXPECT_TRUE(networks.read());
  host = 2;
  clock.advance(milliseconds(199));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(found(), 1);
  EXPECT_EQ(questions, 1);
  clock.advance(milliseconds(1));
  EXPECT_EQ(found(), 2);
  EXPECT_EQ(questions, 2);
}

TEST_F(HostNetworksTest, WhatIsKnownStaysWhereTheKernelDoesNotSayAndTheLogSaysSoOnce) {
  EXPECT_EQ(found(), 1);
  fails = true;
  const std::string log = tests::logged([&] {
    for (int i = 0; i < 3; ++i) {
      clock.advance(milliseconds(200));
      EXPECT_EQ(found(), 1);
    }
  });
  EXPECT_EQ(questions, 4);
  EXPECT_EQ(tests::count_of(log, "no networks"), 1u) << log;
  fails = false;
  host = 3;
  clock.advance(milliseconds(200));
  EXPECT_EQ(found(), 3);
  fails = true;
  clock.advance(milliseconds(200));
  EXPECT_NE(tests::logged([&] { found(); }), "") << "it is another time";
}

TEST_F(HostNetworksTest, ThereAreNoneBeforeTheFirstAnswer) {
  fails = true;
  EXPECT_FALSE(networks.read());
  EXPECT_EQ(found(), std::nullopt);
}

}  // namespace
}  // namespace server::auth
