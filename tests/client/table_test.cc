#include "server/client/table.h"

#include <gtest/gtest.h>

namespace server::client {
namespace {

constexpr std::uint32_t kInt4 = 23;
constexpr std::uint32_t kBool = 16;
constexpr std::uint32_t kText = 25;

const Table kTable{.columns = {{"pid", kInt4}, {"name", kText}, {"on", kBool}},
                   .rows = {{"7", "a\"b", "t"}, {"12345", std::nullopt, "f"}}};

TEST(TableTest, APersonReadsColumnsWithNumbersAtTheRight) {
  EXPECT_EQ(print_table(kTable),
            " pid   | name | on\n"
            "-------+------+----\n"
            "     7 | a\"b  | t\n"
            " 12345 |      | f\n");
}

TEST(TableTest, AProgramReadsNumbersAndBooleansAsSuch) {
  EXPECT_EQ(print_json(kTable),
            "[{\"pid\": 7, \"name\": \"a\\\"b\", \"on\": true}, "
            "{\"pid\": 12345, \"name\": null, \"on\": false}]");
  EXPECT_EQ(print_json({.columns = {{"x", 701}}, .rows = {{"NaN"}}}), "[{\"x\": \"NaN\"}]");
  EXPECT_EQ(print_json({.columns = {{"x", kInt4}}, .rows = {}}), "[]");
}

TEST(TableTest, ANameThatAStandbyHasChosenSendsTheTerminalNothing) {
  const Table table{.columns = {{"n", kText}}, .rows = {{"\x1b[2J\nx"}}};
  EXPECT_EQ(print_table(table), " n\n--------\n ?[2J?x\n");
}

TEST(TableTest, AValueIsFoundByItsColumn) {
  EXPECT_EQ(kTable.value(kTable.rows[0], "name"), "a\"b");
  EXPECT_EQ(kTable.value(kTable.rows[1], "name"), "");
  EXPECT_EQ(kTable.value(kTable.rows[1], "no such"), "");
}

}  // namespace
}  // namespace server::client
