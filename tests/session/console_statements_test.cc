#include "server/session/console_statements.h"

#include <gtest/gtest.h>

#include <string>

namespace server::session {
namespace {

NamedStatement statement(std::string text) {
  return {.prepared = nullptr, .text = std::move(text)};
}
NamedPortal portal(std::size_t bytes = 0) {
  return {.prepared = nullptr, .portal = nullptr, .text = "q", .parameter_bytes = bytes};
}

TEST(ConsoleStatementsTest, ANamedOneIsNotReplacedAndTheUnnamedIs) {
  ConsoleStatements kept;
  ASSERT_TRUE(kept.add("s", statement("one")));
  const auto again = kept.check_statement_name("s");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind->code, "42P05");
  EXPECT_EQ(again.error().what, "prepared statement \"s\" already exists");
  ASSERT_TRUE(kept.add("", statement("one")));
  EXPECT_TRUE(kept.check_statement_name(""));
  ASSERT_TRUE(kept.add("", statement("two")));
  EXPECT_EQ(kept.find_statement("").value()->text, "two");
  ASSERT_TRUE(kept.add("p", portal()));
  EXPECT_EQ(kept.check_portal_name("p").error().kind->code, "42P03");
  EXPECT_EQ(kept.check_portal_name("p").error().what, "cursor \"p\" already exists");
}

TEST(ConsoleStatementsTest, WhatIsNotThereIsSaidInPostgresWords) {
  const ConsoleStatements kept;
  EXPECT_EQ(kept.find_statement("s").error().kind->code, "26000");
  EXPECT_EQ(kept.find_statement("s").error().what, "prepared statement \"s\" does not exist");
  EXPECT_EQ(kept.find_statement("").error().what, "unnamed prepared statement does not exist");
  EXPECT_EQ(kept.find_portal("").error().kind->code, "34000");
  EXPECT_EQ(kept.find_portal("").error().what, "portal \"\" does not exist");
}

TEST(ConsoleStatementsTest, WhatIsClosedTakesNoMemory) {
  ConsoleStatements kept;
  ASSERT_TRUE(kept.add("a", statement(std::string(1000, 'x'))));
  ASSERT_TRUE(kept.add("p", portal(5000)));
  EXPECT_GT(kept.bytes(), 6000u);
  kept.close_statement("no such");
  kept.close_portal("p");
  kept.close_statement("a");
  EXPECT_EQ(kept.bytes(), 0u);
  ASSERT_TRUE(kept.add("a", statement("x")));
  ASSERT_TRUE(kept.add("p", portal()));
  kept.close_all_portals();
  kept.close_all_statements();
  EXPECT_EQ(kept.bytes(), 0u);
  EXPECT_FALSE(kept.find_statement("a"));
}

TEST(ConsoleStatementsTest, ASessionKeepsSoManyAndSoMuch) {
  ConsoleStatements kept;
  for (std::size_t i = 0; i < ConsoleStatements::kPortalsMax; ++i) {
    ASSERT_TRUE(kept.add(std::to_string(i), portal()));
  }
  EXPECT_EQ(kept.add("one more", portal()).error().kind->code, "53200");
  kept.close_all_portals();
  EXPECT_FALSE(kept.add("large", portal(ConsoleStatements::kBytesMax)));
  EXPECT_TRUE(kept.add("small", portal()));
}

}  // namespace
}  // namespace server::session
