#include "server/auth/ident_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "runtime/check.h"
#include "tests/auth/memory_files.h"

namespace server::auth {
namespace {

using testing::ElementsAre;

IdentFile read_text(const std::string& text) {
  const tests::MemoryFiles files = tests::MemoryFiles().write("/d/ident", text);
  return read_ident_file("/d/ident", files.source());
}

IdentMaps maps_of(const std::string& text) {
  IdentFile file = read_text(text);
  CHECK(file.maps.has_value());
  return std::move(*file.maps);
}

// "yes", or why not.
std::string check(const IdentMaps& maps, std::string_view user, std::string_view system_user,
                  const std::optional<std::string>& map = "m",
                  const std::set<std::string, std::less<>>& groups = {}) {
  const auto checked = maps.check(map, user, system_user,
                                  [&](std::string_view role) { return groups.contains(role); });
  return checked ? "yes" : checked.error().what;
}

std::string no_match(const std::string& user, const std::string& system_user) {
  return "no match in usermap \"m\" for user \"" + user + "\" authenticated as \"" + system_user +
         "\"";
}

TEST(IdentMapTest, WithoutAMapBothNamesMustBeTheSame) {
  const IdentMaps maps = maps_of("m ann bob\n");
  EXPECT_EQ(check(maps, "ann", "ann", std::nullopt), "yes");
  EXPECT_EQ(check(maps, "ann", "ann", ""), "yes");
  const std::string different =
      "provided user name (bob) and authenticated user name (ann) do not match";
  EXPECT_EQ(check(maps, "bob", "ann", std::nullopt), different);
  EXPECT_EQ(check(maps, "bob", "ann", ""), different);
  EXPECT_NE(check(maps, "Ann", "ann", std::nullopt), "yes");
}

TEST(IdentMapTest, AMapHasWhatItsLinesSayAndNoMore) {
  const IdentMaps maps = maps_of("m ann bob\nm ann carl\nother dora dora\n");
  EXPECT_EQ(check(maps, "bob", "ann"), "yes");
  EXPECT_EQ(check(maps, "carl", "ann"), "yes");
  EXPECT_EQ(check(maps, "ann", "ann"), no_match("ann", "ann")) << "a map has no names of its own";
  EXPECT_EQ(check(maps, "dora", "dora"), no_match("dora", "dora"));
  EXPECT_EQ(check(maps, "BOB", "ann"), no_match("BOB", "ann"));
  EXPECT_EQ(check(maps, "bob", "ANN"), no_match("bob", "ANN"));
  EXPECT_EQ(check(IdentMaps(), "ann", "ann"), no_match("ann", "ann"));
}

TEST(IdentMapTest, WhereTheCaseOfNamesIsIgnoredThatOfUsersIsNot) {
  const IdentMaps maps = maps_of("m Node_1 bob\nm /^DB_(.*)$ \\1\nm /^x[^a]$ bob\nother y bob\n");
  const IdentMaps ignoring = maps.ignoring_case("m").value();
  for (const char* name : {"Node_1", "node_1", "NODE_1", "db_bob", "DB_BOB"}) {
    EXPECT_EQ(check(ignoring, "bob", name), "yes") << name;
  }
  EXPECT_EQ(check(ignoring, "Bob", "node_1"), no_match("Bob", "node_1"));
  EXPECT_EQ(check(ignoring, "bob", "XA"), no_match("bob", "XA"));
  EXPECT_EQ(check(ignoring, "bob", "node_2"), no_match("bob", "node_2"));
  EXPECT_NE(check(ignoring, "bob", "y", "other"), "yes") << "it has the lines of its map alone";
  EXPECT_EQ(check(ignoring, "bob", "BOB", std::nullopt), "yes");
  // The maps themselves stay as PostgreSQL's postmaster reads them.
  EXPECT_EQ(check(maps, "bob", "node_1"), no_match("bob", "node_1"));
  EXPECT_EQ(check(maps, "BOB", "db_BOB"), no_match("BOB", "db_BOB"));
}

TEST(IdentMapTest, AnExpressionsGroupMayBeTheUser) {
  const IdentMaps maps = maps_of("m /^(.*)@example\\.com$ \\1\nm /^admin-(.*)$ x_\\1_\\1\n");
  EXPECT_EQ(check(maps, "ann", "ann@example.com"), "yes");
  EXPECT_EQ(check(maps, "bob", "ann@example.com"), no_match("bob", "ann@example.com"));
  EXPECT_EQ(check(maps, "ann", "ann@example.org"), no_match("ann", "ann@example.org"));
  EXPECT_EQ(check(maps, "x_ann_\\1", "admin-ann"), "yes") << "PostgreSQL replaces the first alone";
}

// A system name chosen to look like more than a name is a name.
TEST(IdentMapTest, WhatAGroupTookIsAPlainName) {
  const IdentMaps maps = maps_of("m /^(.*)@x$ \\1\n");
  EXPECT_EQ(check(maps, "postgres", "all@x"), no_match("postgres", "all@x"));
  EXPECT_EQ(check(maps, "all", "all@x"), "yes");
  EXPECT_EQ(check(maps, "ann", "+staff@x", "m", {"staff"}), no_match("ann", "+staff@x"));
  EXPECT_EQ(check(maps, "ann", "/.*@x"), no_match("ann", "/.*@x"));
  EXPECT_EQ(check(maps, "/.*", "/.*@x"), "yes");
}

// The line is an error of the map, which ends the search: what follows might let the user in.
TEST(IdentMapTest, AMissingGroupRefuses) {
  const IdentMaps maps = maps_of("m /^ann$ \\1\nm ann ann\n");
  EXPECT_EQ(check(maps, "ann", "ann"),
            "regular expression \"^ann$\" has no subexpressions as requested by backreference in "
            "\"\\1\"");
  const IdentMaps optional = maps_of("m /^(x)?ann$ \\1\n");
  EXPECT_THAT(check(optional, "ann", "ann"), testing::HasSubstr("has no subexpressions"));
  EXPECT_EQ(check(optional, "x", "xann"), "yes");
  EXPECT_EQ(check(optional, "y", "bob"), no_match("y", "bob")) << "no match, no error";
}

// PostgreSQL 16's.
TEST(IdentMapTest, TheUserMayBeAnyOneAGroupOrAnExpression) {
  const IdentMaps maps =
      maps_of("m root all\nm ann +staff\nm bob /^b\nm /^c \"all\"\nm dora +\\1\n");
  EXPECT_EQ(check(maps, "postgres", "root"), "yes");
  EXPECT_EQ(check(maps, "x", "ann", "m", {"staff"}), "yes");
  EXPECT_NE(check(maps, "x", "ann"), "yes");
  EXPECT_EQ(check(maps, "bert", "bob"), "yes");
  EXPECT_NE(check(maps, "carl", "bob"), "yes");
  EXPECT_NE(check(maps, "x", "carl"), "yes");
  EXPECT_EQ(check(maps, "all", "carl"), "yes");
  EXPECT_NE(check(maps, "x", "dora", "m", {"staff"}), "yes");
}

TEST(IdentMapTest, AFileIsReadAsAWhole) {
  const IdentFile file = read_text("m a b\nm\nm a,b c\nm /( c\nm a b c d\n");
  EXPECT_FALSE(file.maps.has_value());
  std::vector<std::string> errors;
  for (const FileError& error : file.errors) {
    errors.push_back(std::to_string(error.line) + ": " + error.error.what);
  }
  EXPECT_THAT(errors,
              ElementsAre("2: missing entry at end of line", "3: multiple values in ident field",
                          "4: invalid regular expression \"(\": parentheses () not balanced"));
}

TEST(IdentMapTest, AFileWithoutLinesIsOne) {
  const IdentFile file = read_text("# none\n");
  ASSERT_TRUE(file.maps.has_value());
  EXPECT_TRUE(file.maps->all().empty());
  const IdentFile missing = read_ident_file("/none", tests::MemoryFiles().source());
  EXPECT_FALSE(missing.maps.has_value());
  EXPECT_EQ(missing.errors.size(), 1u);
}

TEST(IdentMapTest, FilesIncludeOthers) {
  tests::MemoryFiles files;
  files.write("/d/ident", "include more\nm a c\n").write("/d/more", "\nm a b\n");
  const IdentFile file = read_ident_file("/d/ident", files.source());
  ASSERT_TRUE(file.maps.has_value());
  ASSERT_EQ(file.maps->all().size(), 2u);
  EXPECT_EQ(file.maps->all()[0].file, "/d/more");
  EXPECT_EQ(file.maps->all()[0].line, 2u);
}

}  // namespace
}  // namespace server::auth
