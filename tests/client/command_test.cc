#include "server/client/command.h"

#include <gtest/gtest.h>

#include "server/client/ctl.h"

namespace server::client {
namespace {

using Verb = Command::Verb;

TEST(ClientCommandTest, TopHasItsOrderFilterAndInterval) {
  const auto reading = read_command(
      Verb::kTop, {"--sort=name", "--filter", "db", "--interval=500ms", "--looks=3", "host=h"});
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->command.sort, "name");
  EXPECT_EQ(reading->command.filter, "db");
  EXPECT_EQ(reading->command.interval, std::chrono::milliseconds(500));
  EXPECT_EQ(reading->command.looks, 3);
  EXPECT_EQ(reading->command.place.conninfo, "host=h");
  const auto wrong = read_command(Verb::kTop, {"--sort=x"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().hint, "Available values: lag, name, rate, state, pid.");
}

TEST(ClientCommandTest, StatusMayBeJson) {
  EXPECT_TRUE(read_command(Verb::kStatus, {"--json"})->command.json);
  EXPECT_FALSE(read_command(Verb::kStatus, {})->command.json);
  EXPECT_FALSE(read_command(Verb::kStatus, {"a", "b"}));
}

TEST(ClientCommandTest, CtlIsACommandWithWhatItNeeds) {
  EXPECT_TRUE(check_ctl({"reload"}));
  EXPECT_TRUE(check_ctl({"pause", "db"}));
  EXPECT_EQ(check_ctl({}).error().what, "no command is given");
  EXPECT_EQ(check_ctl({"fly"}).error().what, "unrecognized command \"fly\"");
  EXPECT_EQ(check_ctl({"drop-slot"}).error().what, "\"drop-slot\" needs SLOT");
  EXPECT_EQ(check_ctl({"reload", "x"}).error().what,
            "too many command-line arguments (first is \"x\")");
  const auto reading = read_command(Verb::kCtl, {"--conninfo=port=1", "terminate", "7"});
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->command.words, (std::vector<std::string>{"terminate", "7"}));
}

TEST(ClientCommandTest, EachHasAHelp) {
  for (const Verb verb : {Verb::kTop, Verb::kStatus, Verb::kCtl}) {
    const auto reading = read_command(verb, {"--help"});
    ASSERT_TRUE(reading);
    EXPECT_NE(reading->help.find("Usage: walcast"), std::string::npos);
    EXPECT_NE(reading->help.find("--host"), std::string::npos);
  }
}

}  // namespace
}  // namespace server::client
