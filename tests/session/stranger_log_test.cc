#include "server/session/stranger_log.h"

#include <gtest/gtest.h>

#include "tests/support/logged.h"

namespace server::session {
namespace {

struct StrangerLogTest : testing::Test {
  void pass(runtime::Duration time) {
    clock.advance(time);
    loop.turn_for_test();
  }

  runtime::FakeClock clock;
  runtime::Loop loop{clock, {}};
  StrangerLog strangers{loop};
};

TEST_F(StrangerLogTest, NamesTheAddress) {
  const std::string log = tests::logged([&] { strangers.log("192.0.2.1:77", "it sent nonsense"); });
  EXPECT_NE(log.find("LOG:  it sent nonsense (client 192.0.2.1:77)\n"), std::string::npos) << log;
}

TEST_F(StrangerLogTest, SaysAFewLinesOfOneKindAndAddressAndHowManyMoreThereWere) {
  const std::string log = tests::logged([&] {
    for (int port = 1; port <= 1000; ++port) {
      strangers.log("192.0.2.1:" + std::to_string(port),
                    "PID " + std::to_string(port) + " sent it");
    }
    pass(StrangerLog::kInterval);
  });
  EXPECT_EQ(tests::count_of(log, "\n"), StrangerLog::kLinesOfAKindMax + 1) << log;
  EXPECT_EQ(tests::count_of(log, "(client 192.0.2.1:1000) and 995 more like this\n"), 1u) << log;
}

TEST_F(StrangerLogTest, AnAddressThatIsNoisyDoesNotHideAnother) {
  const std::string log = tests::logged([&] {
    for (int i = 0; i < 1000; ++i) strangers.log("192.0.2.1:77", "nonsense");
    strangers.log("192.0.2.1:77", "another kind");
    strangers.log("[2001:db8::1]:77", "nonsense");
    strangers.log("[2001:db8::2]:77", "nonsense");
    strangers.log("[local]", "nonsense");
  });
  EXPECT_EQ(tests::count_of(log, "another kind (client 192.0.2.1:77)"), 1u) << log;
  EXPECT_EQ(tests::count_of(log, "(client [2001:db8::1]:77)"), 1u) << log;
  EXPECT_EQ(tests::count_of(log, "(client [2001:db8::2]:77)"), 1u) << log;
  EXPECT_EQ(tests::count_of(log, "(client [local])"), 1u) << log;
}

TEST_F(StrangerLogTest, ManyAddressesTogetherSayNoMoreThanAFewLines) {
  const std::string log = tests::logged([&] {
    for (int i = 0; i < 10'000; ++i) {
      strangers.log("192.0." + std::to_string(i / 100) + "." + std::to_string(i % 100), "nonsense");
    }
    pass(StrangerLog::kInterval);
  });
  EXPECT_EQ(tests::count_of(log, "\n"), StrangerLog::kLinesMax + 1) << log;
  EXPECT_EQ(tests::count_of(log, "and 9980 other lines of other clients\n"), 1u) << log;
}

TEST_F(StrangerLogTest, AfterThatItSaysAsManyAgain) {
  const std::string log = tests::logged([&] {
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < StrangerLog::kLinesOfAKindMax; ++i) {
        strangers.warning(runtime::log::Client{.address = "a"}, "nonsense");
      }
      pass(StrangerLog::kInterval);
    }
  });
  EXPECT_EQ(tests::count_of(log, "WARNING:  nonsense"), 3 * StrangerLog::kLinesOfAKindMax) << log;
  EXPECT_EQ(tests::count_of(log, "more"), 0u) << log;
}

}  // namespace
}  // namespace server::session
