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

TEST_F(StrangerLogTest, SaysAFewLinesOfManyAndHowManyMoreThereWere) {
  const std::string log = tests::logged([&] {
    for (int i = 0; i < 1000; ++i) strangers.log("192.0.2.1:77", "nonsense");
    pass(StrangerLog::kInterval);
  });
  EXPECT_EQ(tests::count_of(log, "\n"), StrangerLog::kLinesMax + 1) << log;
  EXPECT_EQ(tests::count_of(log, "nonsense (client 192.0.2.1:77) and 980 more like this\n"), 1u)
      << log;
}

TEST_F(StrangerLogTest, AfterThatItSaysAsManyAgain) {
  const std::string log = tests::logged([&] {
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < StrangerLog::kLinesMax; ++i) strangers.warning("a", "nonsense");
      pass(StrangerLog::kInterval);
    }
  });
  EXPECT_EQ(tests::count_of(log, "WARNING:  nonsense"), 3 * StrangerLog::kLinesMax) << log;
  EXPECT_EQ(tests::count_of(log, "more"), 0u) << log;
}

}  // namespace
}  // namespace server::session
